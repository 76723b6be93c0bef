/* Results as text: `%f ` or `%d ` each, a line for each row. Nothing is kept but the best value of each pixel, since
 * the numbers of one image are 300 MB of text. */
#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "eval/result_files.h"

/* Characters of a number, and bytes that numbers take on average with what is between them: numpy.savetxt writes 26. */
enum { MAX_NUMBER = 64, MAX_BYTES_EACH = 32 };

static bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

/* Numbers that need strtod: exponents, "nan", "inf", very many digits. */
static bool parse_slowly(const char *at, const char *end, double *value) {
    char text[MAX_NUMBER + 1];
    size_t length = (size_t)(end - at);
    if (length > MAX_NUMBER) {
        return false;
    }
    memcpy(text, at, length);
    text[length] = '\0';
    char *stop;
    *value = strtod(text, &stop);
    return stop == text + length && length > 0 && strpbrk(text, "xXpP") == NULL; /* no hexadecimal */
}

/* A number that fills [at, end): digits and a point are an exact integer divided by an exact power of ten. */
static bool parse_number(const char *at, const char *end, double *value) {
    static const double powers[] = {1e0, 1e1, 1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                    1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15};
    const char *p = at;
    bool negative = p < end && *p == '-';
    p += negative;
    uint64_t digits = 0;
    int count = 0, decimals = 0;
    bool point = false;
    for (; p < end; p++) {
        if (*p == '.' && !point) {
            point = true;
            continue;
        }
        unsigned digit = (unsigned)(*p - '0');
        if (digit > 9 || ++count > 15) {
            return parse_slowly(at, end, value);
        }
        digits = digits * 10 + digit;
        decimals += point;
    }
    if (count == 0) {
        return false;
    }
    double magnitude = (double)digits / powers[decimals];
    *value = negative ? -magnitude : magnitude;
    return true;
}

/* Arg max over values that arrive plane by plane. */
struct running_best {
    float *best; /* [pixels] */
    uint8_t *labels;
    size_t pixels, at, plane;
};

static void take_value(struct running_best *r, float value) {
    if (r->plane == 0) {
        r->best[r->at] = value;
        r->labels[r->at] = 0;
    } else if (value > r->best[r->at] || (isnan(r->best[r->at]) && value > -INFINITY)) {
        r->best[r->at] = value;
        r->labels[r->at] = (uint8_t)r->plane;
    }
    if (++r->at == r->pixels) {
        r->at = 0;
        r->plane++;
    }
}

static enum fscnn_status take_numbers(const char *data, size_t size, const char *path, size_t max_planes,
                                      struct running_best *r, struct fscnn_error *err) {
    const char *at = data, *end = data + size;
    for (;;) {
        while (at < end && is_space(*at)) {
            at++;
        }
        if (at == end) {
            return FSCNN_OK;
        }
        const char *start = at;
        while (at < end && !is_space(*at) && at - start <= MAX_NUMBER) { /* a longer one is none: no need to read on */
            at++;
        }
        double value;
        if (!parse_number(start, at, &value)) {
            return error_set(err, FSCNN_ERROR_FORMAT, "%s +%zu: '%.*s' is not a number", path, (size_t)(start - data),
                             at - start < 24 ? (int)(at - start) : 24, start);
        }
        if (r->plane == max_planes) {
            return error_set(err, FSCNN_ERROR_FORMAT, "%s: more numbers than %zu classes x %zu labelled pixels", path,
                             max_planes, r->pixels);
        }
        take_value(r, (float)value);
    }
}

/* One number a pixel: labels themselves. */
static enum fscnn_status labels_of_values(const char *path, struct running_best *r, struct fscnn_error *err) {
    for (size_t i = 0; i < r->pixels; i++) {
        float value = r->best[i];
        if (!(value >= 0 && value <= 255) || value != (float)(int)value) {
            return error_set(err, FSCNN_ERROR_FORMAT, "%s: value %g at pixel %zu is not a class", path, (double)value,
                             i);
        }
        r->labels[i] = (uint8_t)value;
    }
    return FSCNN_OK;
}

enum fscnn_status result_text_parse(const char *data, size_t size, const char *path, size_t pixels, int *classes,
                                    struct label_buffer *out, struct fscnn_error *err) {
    size_t max_planes = *classes ? (size_t)*classes : FSCNN_MAX_CLASSES;
    if (size / 2 + 1 < pixels) { /* a digit and a space each: checked before memory is taken */
        return error_set(err, FSCNN_ERROR_FORMAT, "%s: %zu bytes of text are too few for %zu labelled pixels", path,
                         size, pixels);
    }
    if (size / MAX_BYTES_EACH > max_planes * pixels) { /* before any of it is read */
        return error_set(
            err, FSCNN_ERROR_FORMAT,
            "%s: %zu bytes of text are too many for %zu classes x %zu labelled pixels: at most %d a number", path, size,
            max_planes, pixels, MAX_BYTES_EACH);
    }
    enum fscnn_status status = label_buffer_resize(out, pixels, err);
    if (status != FSCNN_OK) {
        return error_prefix(err, status, "%s", path);
    }
    struct running_best r = {.best = malloc(pixels * sizeof(float)), .labels = out->labels, .pixels = pixels};
    if (!r.best) {
        return error_prefix(err, error_memory(err, pixels * sizeof(float), "the best logits"), "%s", path);
    }
    status = take_numbers(data, size, path, max_planes, &r, err);
    if (status == FSCNN_OK && r.at == 0 && r.plane == 1) {
        status = labels_of_values(path, &r, err);
    } else if (status == FSCNN_OK && (r.at != 0 || r.plane == 0 || (*classes && r.plane != max_planes))) {
        status = error_set(err, FSCNN_ERROR_FORMAT,
                           "%s: %zu numbers; expected %zu (labels) or %s%zu (logits) for %zu labelled pixels", path,
                           r.plane * pixels + r.at, pixels, *classes ? "" : "a multiple of ",
                           *classes ? max_planes * pixels : pixels, pixels);
    } else if (status == FSCNN_OK) {
        *classes = (int)r.plane;
    }
    free(r.best);
    return status;
}
