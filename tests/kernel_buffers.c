#include "kernel_buffers.h"

#include <math.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tensor/tensor.h"
#include "testing.h"

enum { MAX_BUFFERS = 24, REGION = 8 << 20, GUARD = 256, GUARD_BYTE = 0xa5 };

struct buffer {
    char *region; /* between two pages without access */
    char *data;
    int type;
    size_t count, bytes;
};

static struct buffer buffers[MAX_BUFFERS];
static int used;

uint32_t random_state = 1;

uint32_t random_u32(void) {
    random_state = random_state * 1664525U + 1013904223U;
    return random_state >> 8;
}
int random_int(int low, int high) { return low + (int)(random_u32() % (uint32_t)(high - low + 1)); }
float random_float(void) { return (float)(random_u32() + 1) / 16777216.0F; }

static size_t type_size(int type) { return type == ELEM_S8 ? 1 : type == ELEM_FIXED ? 4 : elem_size(type); }

void buffers_reset(void) { used = 0; }

static char *region_create(void) {
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    char *map = mmap(NULL, REGION + 2 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    assert_true(map != MAP_FAILED);
    assert_int_equal(mprotect(map + page, REGION, PROT_READ | PROT_WRITE), 0);
    return map + page;
}

void *buffer_new(int type, size_t count) {
    assert_true(used < MAX_BUFFERS);
    struct buffer *b = &buffers[used++];
    if (!b->region) {
        b->region = region_create();
    }
    b->type = type;
    b->count = count;
    b->bytes = count * type_size(type);
    assert_true(b->bytes + GUARD <= REGION);
    const bool at_end = random_int(0, 3) > 0;
    b->data = at_end ? b->region + REGION - b->bytes : b->region;
    memset(b->data, 0xff, b->bytes);
    memset(at_end ? b->data - GUARD : b->data + b->bytes, GUARD_BYTE, GUARD);
    return b->data;
}

void buffers_check(const char *what) {
    for (int i = 0; i < used; i++) {
        const struct buffer *b = &buffers[i];
        const char *guard = b->data > b->region ? b->data - GUARD : b->data + b->bytes;
        for (int k = 0; k < GUARD; k++) {
            if ((unsigned char)guard[k] != GUARD_BYTE) {
                fail_msg("%s: wrote %td bytes from the start of buffer %d, of %zu", what, guard + k - b->data, i,
                         b->bytes);
            }
        }
    }
}

static void set_element(int type, void *data, ptrdiff_t i, float value) {
    switch (type) {
    case ELEM_BF16: ((uint16_t *)data)[i] = float_to_bfloat16(value); break;
    case ELEM_U8: ((uint8_t *)data)[i] = (uint8_t)(255.0F * value); break;
    case ELEM_S8: ((int8_t *)data)[i] = (int8_t)(127.0F * value); break;
    default: ((float *)data)[i] = value; break;
    }
}

static float get_element(int type, const void *data, ptrdiff_t i) {
    switch (type) {
    case ELEM_BF16: return bfloat16_to_float(((const uint16_t *)data)[i]);
    case ELEM_U8: return ((const uint8_t *)data)[i];
    default: return ((const float *)data)[i];
    }
}

void fill_rows(int type, void *data, int rows, int width, ptrdiff_t stride) {
    for (int r = 0; r < rows; r++) {
        for (int i = 0; i < width; i++) {
            set_element(type, data, r * stride + i, random_float());
        }
    }
}

void *buffer_filled(int type, int width, int padding) {
    void *data = buffer_new(type, (size_t)width + (size_t)padding);
    fill_rows(type, data, 1, width, width);
    return data;
}

void *buffer_rows(int type, int rows, int width, ptrdiff_t stride) {
    void *data = buffer_new(type, (size_t)((rows - 1) * stride + width));
    fill_rows(type, data, rows, width, stride);
    return data;
}

void signs_flip(void) {
    for (int i = 0; i < used; i++) {
        const struct buffer *b = &buffers[i];
        for (size_t k = 0; k < b->count; k++) {
            if (random_u32() & 0x100) {
                continue;
            }
            switch (b->type) {
            case ELEM_F32: ((uint32_t *)(void *)b->data)[k] ^= 0x80000000; break;
            case ELEM_BF16: ((uint16_t *)(void *)b->data)[k] ^= 0x8000; break;
            case ELEM_S8: b->data[k] = (char)-b->data[k]; break;
            default: break;
            }
        }
    }
}

void plant_nan(int type, void *data, ptrdiff_t i) {
    if (type == ELEM_F32 || type == ELEM_BF16) {
        set_element(type, data, i, NAN);
    }
}

/* ---- outputs ---- */

struct output output_new(int type, int rows, int width, ptrdiff_t stride) {
    struct output out = {.type = type, .rows = rows, .width = width, .stride = stride};
    out.data = buffer_rows(type, rows, width, stride);
    out.bytes = (size_t)((rows - 1) * stride + width) * type_size(type);
    out.initial = malloc(out.bytes);
    out.expected = malloc(out.bytes);
    assert_true(out.initial && out.expected);
    output_start(&out);
    return out;
}

void output_start(struct output *out) { memcpy(out->initial, out->data, out->bytes); }
void output_restore(struct output *out) { memcpy(out->data, out->initial, out->bytes); }

void output_magnitude(struct output *out) {
    out->magnitude = out->magnitude ? out->magnitude : malloc(out->bytes);
    assert_non_null(out->magnitude);
    memcpy(out->magnitude, out->data, out->bytes);
    output_restore(out);
}

void output_bound(struct output *out, float magnitude) {
    out->magnitude = out->magnitude ? out->magnitude : malloc(out->bytes);
    assert_non_null(out->magnitude);
    for (size_t i = 0; i < out->bytes / type_size(out->type); i++) {
        set_element(out->type, out->magnitude, (ptrdiff_t)i, magnitude);
    }
}

void output_expect(struct output *out) {
    memcpy(out->expected, out->data, out->bytes);
    output_restore(out);
}

static bool element_is_right(const struct output *out, ptrdiff_t i) {
    const float got = get_element(out->type, out->data, i), expected = get_element(out->type, out->expected, i);
    if (isnan(expected) || isnan(got)) {
        return isnan(expected) && isnan(got);
    }
    if (got == expected) {
        return true;
    }
    double tolerance = out->type == ELEM_U8 ? 1.0 : out->type == ELEM_BF16 ? fabs((double)expected) / 128 : 0.0;
    if (out->magnitude && out->type != ELEM_U8) {
        tolerance += 1e-5 * (double)get_element(out->type, out->magnitude, i);
    }
    return fabs((double)got - (double)expected) <= tolerance;
}

void output_check(const struct output *out, const char *what) {
    const size_t size = type_size(out->type);
    for (int r = 0; r < out->rows; r++) {
        for (int i = 0; i < out->width; i++) {
            const ptrdiff_t at = r * out->stride + i;
            if (!element_is_right(out, at)) {
                fail_msg("%s: [%d, %d] is %.9g, expected %.9g", what, r, i,
                         (double)get_element(out->type, out->data, at),
                         (double)get_element(out->type, out->expected, at));
            }
        }
        const size_t gap = (size_t)(r * out->stride + out->width) * size;
        const size_t gap_size = r + 1 < out->rows ? (size_t)(out->stride - out->width) * size : 0;
        if (memcmp(out->data + gap, out->initial + gap, gap_size) != 0) {
            fail_msg("%s: wrote behind row %d", what, r);
        }
    }
    buffers_check(what);
}

void output_free(struct output *out) {
    free(out->initial);
    free(out->expected);
    free(out->magnitude);
    *out = (struct output){0};
}
