/* Memory and random contents for calls of kernels.
 *
 * Every buffer is exactly as large as its kernel may touch and ends, or begins, at a page that may not be touched at
 * all: one element too far is a segmentation fault. On its other side lie guard bytes that must stay. What a kernel may
 * touch but must not use (gaps between rows, padding lanes) is NaN. */
#ifndef FSCNN_CHECKKERNELS_BUFFERS_H
#define FSCNN_CHECKKERNELS_BUFFERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tensor/elem.h"

/* Contents of a buffer beyond enum elem. */
enum { BUFFER_S8 = ELEM_COUNT, BUFFER_HALF, BUFFER_FIXED /* f32 that signs_flip leaves alone */ };

void random_start(uint32_t seed);
uint32_t random_u32(void); /* 24 bits */
int random_int(int low, int high);
float random_float(void); /* above 0, up to 1 */
/* 1 to `most`, every third time small, every third next to a multiple of 16: where tiles end. */
int random_size(int most);
/* At least `width`: that, or more. */
int random_stride(int width);

int round_up(int n, int unit);

/* Forgets all buffers. Those made from now on are for timing if `aligned`: on cache lines, without guards. */
void buffers_reset(bool aligned);
/* Room for `count` elements, all bits set: NaN, 255, -1. The name must last; it is for messages. */
void *buffer_new(const char *name, int type, size_t count);
/* Kernels may write to the buffer that begins at `data`. */
void buffer_allow_writes(const void *data);
/* Remembers the contents of the buffers that may not be written. */
void buffers_seal(void);
/* Whether since then all guard bytes and contents are as they were; otherwise says into text what was written where. */
bool buffers_intact(char *text, size_t size);
/* Says where an address is that caused a fault: "12 bytes past the end of weights (4096 bytes)". */
void buffers_locate(const void *address, char *text, size_t size);

/* Positive numbers into [rows, width], `stride` elements from row to row; bytes are now and then all the largest. */
void fill_rows(int type, void *data, int rows, int width, ptrdiff_t stride);
/* A new buffer of `width` numbers, and `padding` elements that hold none. */
void *buffer_filled(const char *name, int type, int width, int padding);
/* A new buffer of exactly [rows, width]. */
void *buffer_rows(const char *name, int type, int rows, int width, ptrdiff_t stride);
/* Makes about half of all numbers in buffers of f32, bf16 and s8 negative. */
void signs_flip(void);
/* One element becomes NaN (f32 and bf16 only). */
void plant_nan(int type, void *data, ptrdiff_t i);

size_t element_size(int type);
void element_set(int type, void *data, ptrdiff_t i, float value); /* u8: value * 255, s8: value * 127 */
float element_get(int type, const void *data, ptrdiff_t i);       /* u8, s8: the integer */

#endif
