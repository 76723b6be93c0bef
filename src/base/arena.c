#include "base/arena.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { ALIGN = 64, BLOCK = 64 * 1024 };

struct arena_block {
    struct arena_block *next;
    size_t size, used;
    void *data;
};

static struct arena_block *block_create(size_t size) {
    struct arena_block *block = malloc(sizeof(*block));
    if (!block) {
        return NULL;
    }
    *block = (struct arena_block){.size = size, .data = aligned_alloc(ALIGN, size)};
    if (!block->data) {
        free(block);
        return NULL;
    }
    return block;
}

void *arena_alloc(struct arena *arena, size_t count, size_t size) {
    if (size != 0 && count > (SIZE_MAX - ALIGN) / size) {
        return NULL;
    }
    size_t bytes = (count * size + ALIGN - 1) / ALIGN * ALIGN;
    bytes = bytes ? bytes : ALIGN;
    if (arena->limit && (bytes > arena->limit || arena->used > arena->limit - bytes)) {
        return NULL;
    }
    struct arena_block *block = arena->blocks;
    if (!block || block->size - block->used < bytes) {
        block = block_create(bytes > BLOCK ? bytes : BLOCK);
        if (!block) {
            return NULL;
        }
        /* A large block goes behind the current one, whose rest stays in use. */
        if (bytes > BLOCK && arena->blocks) {
            block->next = arena->blocks->next;
            arena->blocks->next = block;
        } else {
            block->next = arena->blocks;
            arena->blocks = block;
        }
    }
    void *data = (char *)block->data + block->used;
    block->used += bytes;
    arena->used += bytes;
    return memset(data, 0, bytes);
}

char *arena_strndup(struct arena *arena, const char *text, size_t length) {
    char *copy = length < SIZE_MAX ? arena_alloc(arena, length + 1, 1) : NULL;
    if (copy && length) {
        memcpy(copy, text, length);
    }
    return copy;
}

char *arena_strdup(struct arena *arena, const char *text) {
    return text ? arena_strndup(arena, text, strlen(text)) : NULL;
}

void arena_free(struct arena *arena) {
    struct arena_block *next;
    for (struct arena_block *block = arena->blocks; block; block = next) {
        next = block->next;
        free(block->data);
        free(block);
    }
    *arena = (struct arena){.limit = arena->limit};
}
