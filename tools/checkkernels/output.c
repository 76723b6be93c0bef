#include "output.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *copy_create(size_t bytes) {
    void *copy = malloc(bytes);
    if (!copy) {
        fputs("checkkernels: out of memory\n", stderr);
        abort();
    }
    return copy;
}

struct output output_new(int type, int rows, int width, ptrdiff_t stride) {
    struct output out = {.type = type, .rows = rows, .width = width, .stride = stride};
    out.data = buffer_rows("the output", type, rows, width, stride);
    buffer_allow_writes(out.data);
    out.bytes = (size_t)((rows - 1) * stride + width) * element_size(type);
    out.initial = copy_create(out.bytes);
    out.expected = copy_create(out.bytes);
    output_start(&out);
    return out;
}

void output_start(struct output *out) { memcpy(out->initial, out->data, out->bytes); }
void output_restore(struct output *out) { memcpy(out->data, out->initial, out->bytes); }

void output_expect(struct output *out) {
    memcpy(out->expected, out->data, out->bytes);
    output_restore(out);
}

void output_magnitude(struct output *out) {
    out->magnitude = out->magnitude ? out->magnitude : copy_create(out->bytes);
    memcpy(out->magnitude, out->data, out->bytes);
    output_restore(out);
}

void output_free(struct output *out) {
    free(out->initial);
    free(out->expected);
    free(out->magnitude);
    *out = (struct output){0};
}

static double allowed_error(const struct output *out, ptrdiff_t i, double expected, double tolerance) {
    if (tolerance == 0 || out->type == ELEM_U8) {
        return 0;
    }
    const float magnitude = out->magnitude ? element_get(out->type, out->magnitude, i) : out->bound;
    return tolerance * (double)magnitude + (out->type == ELEM_BF16 ? fabs(expected) / 128 : 0);
}

/* Of one label: how much worse its value is than that of the expected label. */
static double label_error(const struct output *out, ptrdiff_t i) {
    const uint8_t got = ((const uint8_t *)out->data)[i], expected = ((const uint8_t *)out->expected)[i];
    if (got >= out->num_labels) {
        return INFINITY;
    }
    const float difference = out->values[expected * out->width + i] - out->values[got * out->width + i];
    return isnan(difference) && got != expected ? INFINITY : fmax(0, (double)difference);
}

/* How far element i is off if that is more than allowed, else 0. */
static double element_error(const struct output *out, ptrdiff_t i, double tolerance) {
    if (out->values) {
        const double error = label_error(out, i);
        return error > tolerance ? error : 0;
    }
    const double got = (double)element_get(out->type, out->data, i);
    const double expected = (double)element_get(out->type, out->expected, i);
    if (isnan(got) && isnan(expected)) {
        return 0;
    }
    if (got == expected) {
        return out->signed_zeros && signbit(got) != signbit(expected) ? INFINITY : 0;
    }
    if (!isfinite(got) || !isfinite(expected)) {
        return INFINITY;
    }
    const double error = fabs(got - expected);
    return error <= allowed_error(out, i, expected, tolerance) ? 0 : error;
}

bool output_compare(const struct output *out, double tolerance, char *text, size_t size) {
    const size_t element = element_size(out->type);
    int wrong = 0, first_row = 0, first_place = 0;
    double largest = 0;
    for (int r = 0; r < out->rows; r++) {
        for (int i = 0; i < out->width; i++) {
            const double error = element_error(out, r * out->stride + i, tolerance);
            if (error != 0 && wrong++ == 0) {
                first_row = r;
                first_place = i;
            }
            largest = error > largest ? error : largest;
        }
        const size_t gap = (size_t)(r * out->stride + out->width) * element;
        const size_t gap_size = r + 1 < out->rows ? (size_t)(out->stride - out->width) * element : 0;
        if (memcmp(out->data + gap, out->initial + gap, gap_size) != 0) {
            snprintf(text, size, "wrote behind row %d of the output [%d, %d]", r, out->rows, out->width);
            return false;
        }
    }
    if (wrong > 0) {
        const ptrdiff_t at = first_row * out->stride + first_place;
        snprintf(text, size,
                 "%d of %d outputs differ; first [%d, %d] of [%d, %d] is %.9g, expected %.9g; largest error %.3g",
                 wrong, out->rows * out->width, first_row, first_place, out->rows, out->width,
                 (double)element_get(out->type, out->data, at), (double)element_get(out->type, out->expected, at),
                 largest);
    }
    return wrong == 0;
}
