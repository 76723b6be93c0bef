#include "tensor/npy.h"

#include <ctype.h>
#include <string.h>

#include "base/bytes.h"

enum { MAGIC_SIZE = 6, MAX_HEADER = 4096, ALIGNMENT = 64 };

static const char magic[MAGIC_SIZE] = {'\x93', 'N', 'U', 'M', 'P', 'Y'};

static const struct {
    const char *descr;
    enum dtype dtype;
} types[] = {
    {"<f4", DTYPE_F32}, {"<f2", DTYPE_F16}, {"<f8", DTYPE_F64}, {"<i8", DTYPE_I64},  {"<i4", DTYPE_I32},
    {"<i2", DTYPE_I16}, {"|i1", DTYPE_I8},  {"|u1", DTYPE_U8},  {"|b1", DTYPE_BOOL},
};

enum fscnn_status npy_write_header(FILE *f, enum dtype dtype, const int64_t *shape, int rank) {
    const char *descr = NULL;
    for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
        if (types[i].dtype == dtype) {
            descr = types[i].descr;
        }
    }
    if (!descr) {
        return FSCNN_ERROR_UNSUPPORTED;
    }
    if (rank < 0 || rank > TENSOR_MAX_RANK) {
        return FSCNN_ERROR_USAGE;
    }
    char text[384]; /* 8 sizes of at most 19 digits and a comma, and 60 characters around them */
    int used = snprintf(text, sizeof(text), "{'descr': '%s', 'fortran_order': False, 'shape': (", descr);
    for (int i = 0; i < rank; i++) {
        if (shape[i] < 0) {
            return FSCNN_ERROR_USAGE;
        }
        /* Python writes the tuple of one as (5,) */
        used += snprintf(text + used, sizeof(text) - (size_t)used, "%s%lld%s", i ? ", " : "", (long long)shape[i],
                         rank == 1 ? "," : "");
    }
    used += snprintf(text + used, sizeof(text) - (size_t)used, "), }");
    int preamble = MAGIC_SIZE + 4;
    int padding = ALIGNMENT - (preamble + used + 1) % ALIGNMENT;
    padding %= ALIGNMENT;
    unsigned length = (unsigned)(used + padding + 1);
    const uint8_t version_and_length[] = {1, 0, (uint8_t)(length & 255), (uint8_t)(length >> 8)};
    fwrite(magic, 1, MAGIC_SIZE, f);
    fwrite(version_and_length, 1, sizeof(version_and_length), f);
    fprintf(f, "%s%*s\n", text, padding, "");
    return FSCNN_OK;
}

bool npy_is(const void *data, size_t size) { return size >= MAGIC_SIZE && memcmp(data, magic, MAGIC_SIZE) == 0; }

/* The header's text, being read. */
struct scanner {
    const char *at, *end;
};

static void skip_space(struct scanner *s) {
    while (s->at < s->end && isspace((unsigned char)*s->at)) {
        s->at++;
    }
}

static bool take(struct scanner *s, char c) {
    skip_space(s);
    if (s->at < s->end && *s->at == c) {
        s->at++;
        return true;
    }
    return false;
}

/* A Python string without escapes, in either kind of quotes. */
static bool take_string(struct scanner *s, const char **text, size_t *length) {
    skip_space(s);
    if (s->at == s->end || (*s->at != '\'' && *s->at != '"')) {
        return false;
    }
    char quote = *s->at++;
    const char *close = memchr(s->at, quote, (size_t)(s->end - s->at));
    if (!close) {
        return false;
    }
    *text = s->at;
    *length = (size_t)(close - s->at);
    s->at = close + 1;
    return true;
}

static bool take_word(struct scanner *s, const char *word) {
    skip_space(s);
    size_t length = strlen(word);
    if ((size_t)(s->end - s->at) < length || memcmp(s->at, word, length) != 0) {
        return false;
    }
    s->at += length;
    return true;
}

static bool take_number(struct scanner *s, int64_t *value) {
    skip_space(s);
    int digits = 0;
    for (*value = 0; s->at < s->end && isdigit((unsigned char)*s->at); s->at++, digits++) {
        if (digits == 15) { /* 10^15 elements are beyond any file */
            return false;
        }
        *value = *value * 10 + (*s->at - '0');
    }
    take(s, 'L'); /* Python 2 wrote long integers so */
    return digits > 0;
}

static bool is_text(const char *text, size_t length, const char *word) {
    return length == strlen(word) && memcmp(text, word, length) == 0;
}

static enum fscnn_status scan_descr(struct scanner *s, const char *name, struct tensor *out, struct fscnn_error *err) {
    const char *descr;
    size_t length;
    if (!take_string(s, &descr, &length)) {
        return error_set(err, FSCNN_ERROR_UNSUPPORTED, "%s: .npy of a structured type", name);
    }
    for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
        /* bytes have no order, so '<' and '=' say nothing there, nor do they elsewhere on these machines */
        bool order_fits = length == 3 && (descr[0] == types[i].descr[0] || descr[0] == '=' ||
                                          (types[i].descr[0] == '|' && (descr[0] == '<' || descr[0] == '>')));
        if (order_fits && memcmp(descr + 1, types[i].descr + 1, 2) == 0) {
            out->dtype = types[i].dtype;
            return FSCNN_OK;
        }
    }
    return error_set(err, FSCNN_ERROR_UNSUPPORTED,
                     "%s: .npy element type '%.*s' (read are '<f4', '<f2', '<f8', '|u1', '|i1', '<i2', '<i4', '<i8', "
                     "'|b1')",
                     name, length < 32 ? (int)length : 32, descr);
}

static enum fscnn_status scan_shape(struct scanner *s, const char *name, struct tensor *out, struct fscnn_error *err) {
    if (!take(s, '(')) {
        return error_set(err, FSCNN_ERROR_FORMAT, "%s: the .npy header's shape is not a tuple", name);
    }
    out->rank = 0;
    while (!take(s, ')')) {
        if (out->rank == TENSOR_MAX_RANK) {
            return error_set(err, FSCNN_ERROR_UNSUPPORTED, "%s: .npy of more than %d dimensions", name,
                             TENSOR_MAX_RANK);
        }
        if (!take_number(s, &out->shape[out->rank++])) {
            return error_set(err, FSCNN_ERROR_FORMAT, "%s: the .npy header's shape is damaged", name);
        }
        if (!take(s, ',')) {
            if (!take(s, ')')) {
                return error_set(err, FSCNN_ERROR_FORMAT, "%s: the .npy header's shape is damaged", name);
            }
            break;
        }
    }
    return FSCNN_OK;
}

/* The dict, in any order of its three keys. */
static enum fscnn_status scan_header(struct scanner *s, const char *name, struct tensor *out, struct fscnn_error *err) {
    enum { DESCR = 1, ORDER = 2, SHAPE = 4 };
    int seen = 0;
    bool good = take(s, '{');
    while (good && !take(s, '}')) {
        const char *key;
        size_t length;
        enum fscnn_status status = FSCNN_OK;
        good = take_string(s, &key, &length) && take(s, ':');
        if (!good) {
            break;
        }
        if (is_text(key, length, "descr")) {
            seen |= DESCR;
            status = scan_descr(s, name, out, err);
        } else if (is_text(key, length, "fortran_order")) {
            seen |= ORDER;
            if (take_word(s, "True")) {
                return error_set(err, FSCNN_ERROR_UNSUPPORTED, "%s: .npy in Fortran order", name);
            }
            good = take_word(s, "False");
        } else if (is_text(key, length, "shape")) {
            seen |= SHAPE;
            status = scan_shape(s, name, out, err);
        } else {
            good = false;
        }
        if (status != FSCNN_OK) {
            return status;
        }
        if (good && !take(s, ',')) {
            good = take(s, '}');
            break;
        }
    }
    skip_space(s);
    if (!good || seen != (DESCR | ORDER | SHAPE) || s->at != s->end) {
        return error_set(err, FSCNN_ERROR_FORMAT, "%s: damaged .npy header", name);
    }
    return FSCNN_OK;
}

/* The shape must need exactly the bytes that follow the header, and no part of it may overflow, were it for a 0. */
static enum fscnn_status check_size(const struct tensor *t, size_t left, const char *name, struct fscnn_error *err) {
    int64_t bytes = (int64_t)dtype_size(t->dtype);
    bool overflow = false, empty = false;
    for (int i = 0; i < t->rank; i++) {
        empty |= t->shape[i] == 0;
        overflow |= __builtin_mul_overflow(bytes, t->shape[i] ? t->shape[i] : 1, &bytes);
    }
    size_t needed = empty ? 0 : (size_t)bytes;
    if (overflow || needed != left) {
        char shape[256];
        return error_set(err, FSCNN_ERROR_FORMAT, "%s: .npy of %s %s has %zu bytes of data%s", name,
                         dtype_name(t->dtype), tensor_shape_text(t, shape, sizeof(shape)), left,
                         overflow || needed > left ? ", too few" : ", too many");
    }
    return FSCNN_OK;
}

enum fscnn_status npy_parse(const void *data, size_t size, const char *name, struct tensor *out,
                            struct fscnn_error *err) {
    *out = (struct tensor){.name = name};
    struct bytes b = bytes_over(data, size);
    if (!npy_is(data, size)) {
        return error_set(err, FSCNN_ERROR_FORMAT, "%s: not an .npy file (it does not begin with \\x93NUMPY)", name);
    }
    bytes_take(&b, MAGIC_SIZE);
    uint8_t major = bytes_u8(&b);
    bytes_u8(&b);
    size_t length = major == 1 ? bytes_u16(&b) : bytes_u32(&b);
    if (!b.failed && (major < 1 || major > 3)) {
        return error_set(err, FSCNN_ERROR_UNSUPPORTED, "%s: .npy version %u", name, major);
    }
    if (length > MAX_HEADER) {
        return error_set(err, FSCNN_ERROR_UNSUPPORTED, "%s: .npy header of %zu bytes", name, length);
    }
    const char *header = (const char *)bytes_take(&b, length);
    if (b.failed) {
        return error_set(err, FSCNN_ERROR_FORMAT, "%s: .npy cut short in its header", name);
    }
    struct scanner scanner = {.at = header, .end = header + length};
    enum fscnn_status status = scan_header(&scanner, name, out, err);
    if (status == FSCNN_OK) {
        status = check_size(out, bytes_left(&b), name, err);
    }
    if (status != FSCNN_OK) {
        return status;
    }
    out->data = (const uint8_t *)data + b.pos;
    return FSCNN_OK;
}
