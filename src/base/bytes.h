/* Bounded reader over untrusted bytes, with a sticky error: read a whole record, then check `failed` once.
 * After a failure every read gives 0 and the position stays. Little-endian. */
#ifndef FSCNN_BASE_BYTES_H
#define FSCNN_BASE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bytes {
    const uint8_t *data;
    size_t size;
    size_t pos;
    bool failed;
};

static inline struct bytes bytes_over(const void *data, size_t size) {
    return (struct bytes){.data = data, .size = size};
}

static inline size_t bytes_left(const struct bytes *b) { return b->failed ? 0 : b->size - b->pos; }

/* Steps over `count` bytes and returns where they are, or NULL when there are fewer. */
const uint8_t *bytes_take(struct bytes *b, size_t count);
uint8_t bytes_u8(struct bytes *b);
uint16_t bytes_u16(struct bytes *b);
uint32_t bytes_u32(struct bytes *b);
uint64_t bytes_u64(struct bytes *b);
/* A line ended by '\n' (not included); *length gets its length. NULL and failed where there is no newline. */
const char *bytes_line(struct bytes *b, size_t *length);

#endif
