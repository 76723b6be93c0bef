/* Memory, random contents and comparison for the tests of kernels.
 *
 * Every buffer is exactly as large as its kernel may touch and ends, or begins, at a page that may not be touched at
 * all: one element too far is a segmentation fault, with and without sanitizers. On its other side lie guard bytes that
 * must stay. What a kernel may touch but must not use (gaps between rows, padding lanes) is NaN. */
#ifndef FSCNN_TESTS_KERNEL_BUFFERS_H
#define FSCNN_TESTS_KERNEL_BUFFERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tensor/elem.h"

/* Contents of a buffer beyond enum elem. */
enum { ELEM_S8 = ELEM_COUNT, ELEM_FIXED /* f32 that signs_flip leaves alone */ };

extern uint32_t random_state;
uint32_t random_u32(void); /* 24 bits */
int random_int(int low, int high);
float random_float(void); /* above 0, up to 1 */

void buffers_reset(void);
/* Room for `count` elements, all bits set: NaN, 255, -1. */
void *buffer_new(int type, size_t count);
/* The guard bytes of every buffer since the reset; fails the test where one changed. */
void buffers_check(const char *what);

/* Positive numbers into [rows, width], `stride` elements from row to row. */
void fill_rows(int type, void *data, int rows, int width, ptrdiff_t stride);
/* A new buffer of `width` numbers, and `padding` elements that hold none. */
void *buffer_filled(int type, int width, int padding);
/* A new buffer of exactly [rows, width]. */
void *buffer_rows(int type, int rows, int width, ptrdiff_t stride);
/* Makes about half of all numbers in buffers of F32, BF16 and S8 negative. */
void signs_flip(void);
/* One element becomes NaN (F32 and BF16 only). */
void plant_nan(int type, void *data, ptrdiff_t i);

/* What a kernel writes: [rows, width]. */
struct output {
    int type;
    char *data;
    int rows, width;
    ptrdiff_t stride;
    size_t bytes;
    char *initial, *expected, *magnitude; /* copies: before a run, of the plain C kernel, of it on absolute values */
};

struct output output_new(int type, int rows, int width, ptrdiff_t stride);
void output_start(struct output *out);                  /* remembers the contents as the initial ones */
void output_magnitude(struct output *out);              /* remembers the contents, and restores the initial ones */
void output_bound(struct output *out, float magnitude); /* or one that none exceeds */
void output_expect(struct output *out);                 /* remembers the contents, and restores the initial ones */
void output_restore(struct output *out);
/* Elements against the expected ones, all else against the initial contents. Tolerance: 1e-5 of the magnitude (0 if
 * none is known), for BF16 also 1/128 of the value; for U8 one level. NaN where expected and only there. Fails the
 * test. */
void output_check(const struct output *out, const char *what);
void output_free(struct output *out);

#endif
