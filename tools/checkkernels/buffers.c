#include "buffers.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tensor/tensor.h"

enum { MAX_BUFFERS = 24, REGION = 8 << 20, GUARD = 256, GUARD_BYTE = 0xa5 };
/* For timing: buffers are on cache lines, but not all at the same distance from a page. */
enum { STAGGER = 17 * 64 };

struct buffer {
    char *region; /* between two pages without access */
    char *data;
    const char *name;
    int type;
    size_t count, bytes;
    bool writable;
    uint64_t sealed; /* hash of the contents */
};

static struct buffer buffers[MAX_BUFFERS];
static int used;
static bool for_timing;
static uint32_t random_state;

void random_start(uint32_t seed) { random_state = seed * 2654435761U; }
uint32_t random_u32(void) {
    random_state = random_state * 1664525U + 1013904223U;
    return random_state >> 8;
}
int random_int(int low, int high) { return low + (int)(random_u32() % (uint32_t)(high - low + 1)); }
float random_float(void) { return (float)(random_u32() + 1) / 16777216.0F; }

int random_size(int most) {
    int size = random_int(1, most);
    switch (random_int(0, 2)) {
    case 0: size = random_int(1, 4); break;
    case 1: size = 16 * (1 + size / 16) + random_int(-1, 1); break;
    default: break;
    }
    return size < most ? size : most;
}

int random_stride(int width) { return width + (random_int(0, 1) ? random_int(0, 40) : 0); }

int round_up(int n, int unit) { return (n + unit - 1) / unit * unit; }

/* ---- buffers ---- */

size_t element_size(int type) {
    return type == BUFFER_S8 ? 1 : type == BUFFER_HALF ? 2 : type == BUFFER_FIXED ? 4 : elem_size(type);
}

void buffers_reset(bool aligned) {
    used = 0;
    for_timing = aligned;
}

/* The tool cannot go on without memory, or with a call that is larger than it expects. */
static void require(bool condition, const char *what) {
    if (!condition) {
        fprintf(stderr, "checkkernels: %s\n", what);
        abort();
    }
}

static char *region_create(void) {
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    char *map = mmap(NULL, REGION + 2 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    require(map != MAP_FAILED && mprotect(map + page, REGION, PROT_READ | PROT_WRITE) == 0, "out of memory");
    return map + page;
}

void *buffer_new(const char *name, int type, size_t count) {
    require(used < MAX_BUFFERS, "a call has too many buffers");
    struct buffer *b = &buffers[used++];
    char *region = b->region ? b->region : region_create();
    *b = (struct buffer){.region = region, .name = name, .type = type, .count = count};
    b->bytes = count * element_size(type);
    require(b->bytes + GUARD + (size_t)MAX_BUFFERS * STAGGER <= REGION, "a buffer is too large");
    if (for_timing) {
        b->data = region + (size_t)used * STAGGER;
        memset(b->data, 0xff, b->bytes);
        return b->data;
    }
    const bool at_end = random_int(0, 3) > 0;
    b->data = at_end ? region + REGION - b->bytes : region;
    memset(b->data, 0xff, b->bytes);
    memset(at_end ? b->data - GUARD : b->data + b->bytes, GUARD_BYTE, GUARD);
    return b->data;
}

void buffer_allow_writes(const void *data) {
    for (int i = 0; i < used; i++) {
        buffers[i].writable |= buffers[i].data == data;
    }
}

static uint64_t hash_bytes(const char *data, size_t size) {
    uint64_t hash = size, word;
    for (; size >= sizeof(word); data += sizeof(word), size -= sizeof(word)) {
        memcpy(&word, data, sizeof(word));
        hash = (hash ^ word) * 0x9e3779b97f4a7c15U;
        hash ^= hash >> 29;
    }
    word = 0;
    memcpy(&word, data, size);
    return (hash ^ word) * 0x9e3779b97f4a7c15U;
}

void buffers_seal(void) {
    for (int i = 0; i < used; i++) {
        buffers[i].sealed = buffers[i].writable ? 0 : hash_bytes(buffers[i].data, buffers[i].bytes);
    }
}

bool buffers_intact(char *text, size_t size) {
    for (int i = 0; i < used; i++) {
        const struct buffer *b = &buffers[i];
        const bool before = b->data > b->region;
        const unsigned char *guard = (const unsigned char *)(before ? b->data - GUARD : b->data + b->bytes);
        for (int k = 0; k < GUARD; k++) { /* the nearest byte first */
            const int at = before ? GUARD - 1 - k : k;
            if (guard[at] != GUARD_BYTE) {
                char place[128];
                buffers_locate(guard + at, place, sizeof(place));
                snprintf(text, size, "wrote %s", place);
                return false;
            }
        }
        if (!b->writable && hash_bytes(b->data, b->bytes) != b->sealed) {
            snprintf(text, size, "wrote into its input %s", b->name);
            return false;
        }
    }
    return true;
}

/* Of an address outside a buffer: negative before it. */
static ptrdiff_t distance_to(const struct buffer *b, const char *at) {
    return at < b->data ? at - b->data : at - b->data - (ptrdiff_t)b->bytes;
}

void buffers_locate(const void *address, char *text, size_t size) {
    const ptrdiff_t far = 1 << 20;
    const struct buffer *nearest = NULL;
    ptrdiff_t distance = far;
    for (int i = 0; i < used; i++) {
        const ptrdiff_t d = distance_to(&buffers[i], address);
        if (llabs(d) < llabs(distance)) {
            nearest = &buffers[i];
            distance = d;
        }
    }
    if (!nearest) {
        snprintf(text, size, "%p, far from every buffer", address);
    } else if (distance < 0) {
        snprintf(text, size, "%td bytes before %s (%zu bytes)", -distance, nearest->name, nearest->bytes);
    } else {
        snprintf(text, size, "%td bytes past the end of %s (%zu bytes)", distance, nearest->name, nearest->bytes);
    }
}

/* ---- contents ---- */

void element_set(int type, void *data, ptrdiff_t i, float value) {
    switch (type) {
    case ELEM_BF16: ((uint16_t *)data)[i] = float_to_bfloat16(value); break;
    case BUFFER_HALF: ((uint16_t *)data)[i] = float_to_half(value); break;
    case ELEM_U8: ((uint8_t *)data)[i] = (uint8_t)(255.0F * value); break;
    case BUFFER_S8: ((int8_t *)data)[i] = (int8_t)(127.0F * value); break;
    default: ((float *)data)[i] = value; break;
    }
}

float element_get(int type, const void *data, ptrdiff_t i) {
    switch (type) {
    case ELEM_BF16: return bfloat16_to_float(((const uint16_t *)data)[i]);
    case BUFFER_HALF: return half_to_float(((const uint16_t *)data)[i]);
    case ELEM_U8: return ((const uint8_t *)data)[i];
    case BUFFER_S8: return ((const int8_t *)data)[i];
    default: return ((const float *)data)[i];
    }
}

void fill_rows(int type, void *data, int rows, int width, ptrdiff_t stride) {
    /* Sums of products of bytes may overflow only where they are all large. */
    const bool largest = random_int(0, 7) == 0 && (type == ELEM_U8 || type == BUFFER_S8);
    for (int r = 0; r < rows; r++) {
        for (int i = 0; i < width; i++) {
            element_set(type, data, r * stride + i, largest ? 1.0F : random_float());
        }
    }
}

void *buffer_filled(const char *name, int type, int width, int padding) {
    void *data = buffer_new(name, type, (size_t)width + (size_t)padding);
    fill_rows(type, data, 1, width, width);
    return data;
}

void *buffer_rows(const char *name, int type, int rows, int width, ptrdiff_t stride) {
    void *data = buffer_new(name, type, (size_t)((rows - 1) * stride + width));
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
            case BUFFER_S8: b->data[k] = (char)-b->data[k]; break;
            default: break;
            }
        }
    }
}

void plant_nan(int type, void *data, ptrdiff_t i) {
    if (type == ELEM_F32 || type == ELEM_BF16) {
        element_set(type, data, i, NAN);
    }
}
