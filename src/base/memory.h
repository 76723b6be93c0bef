/* Large blocks of memory, and whether they can be had. */
#ifndef FSCNN_BASE_MEMORY_H
#define FSCNN_BASE_MEMORY_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

/* Error MEMORY where `what` ("a session") needs more than fscnn_memory_available says. Memory is promised before it is
 * used: what cannot fit would be killed in the middle of its work, and others with it. */
FSCNN_NODISCARD enum fscnn_status memory_weigh(uint64_t bytes, const char *what, struct fscnn_error *err);

/* Zeroed memory that begins at a cache line, for free(). Large blocks ask for huge pages, which save thousands of page
 * faults at first touch. NULL when there is none. */
void *memory_new(size_t bytes);

#endif
