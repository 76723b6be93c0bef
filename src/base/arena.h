/* Memory that is freed all at once: what a graph, a parsed file or a plan is made of. */
#ifndef FSCNN_BASE_ARENA_H
#define FSCNN_BASE_ARENA_H

#include <stddef.h>

struct arena_block;
struct arena {
    struct arena_block *blocks;
    size_t used;  /* bytes handed out */
    size_t limit; /* 0: none; alloc fails beyond it, so that hostile input cannot ask for everything */
};

/* Zeroed memory aligned to 64 bytes; NULL when out of memory, beyond the limit, or count * size overflows. */
void *arena_alloc(struct arena *arena, size_t count, size_t size);
/* Copies of a string (NULL gives NULL). */
char *arena_strdup(struct arena *arena, const char *text);
char *arena_strndup(struct arena *arena, const char *text, size_t length);
void arena_free(struct arena *arena);

#endif
