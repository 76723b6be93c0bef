#include "base/bytes.h"

#include <string.h>

const uint8_t *bytes_take(struct bytes *b, size_t count) {
    if (b->failed || count > b->size - b->pos) {
        b->failed = true;
        return NULL;
    }
    const uint8_t *at = b->data + b->pos;
    b->pos += count;
    return at;
}

static uint64_t take_little_endian(struct bytes *b, size_t count) {
    const uint8_t *p = bytes_take(b, count);
    uint64_t value = 0;
    for (size_t i = 0; p && i < count; i++) {
        value |= (uint64_t)p[i] << (8 * i);
    }
    return value;
}

uint8_t bytes_u8(struct bytes *b) { return (uint8_t)take_little_endian(b, 1); }
uint16_t bytes_u16(struct bytes *b) { return (uint16_t)take_little_endian(b, 2); }
uint32_t bytes_u32(struct bytes *b) { return (uint32_t)take_little_endian(b, 4); }
uint64_t bytes_u64(struct bytes *b) { return take_little_endian(b, 8); }

const char *bytes_line(struct bytes *b, size_t *length) {
    const uint8_t *start = b->data + b->pos;
    const uint8_t *end = bytes_left(b) ? memchr(start, '\n', bytes_left(b)) : NULL;
    if (!end) {
        b->failed = true;
        *length = 0;
        return NULL;
    }
    *length = (size_t)(end - start);
    b->pos += *length + 1;
    return (const char *)start;
}
