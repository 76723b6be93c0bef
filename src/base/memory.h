/* How much memory there is to have. */
#ifndef FSCNN_BASE_MEMORY_H
#define FSCNN_BASE_MEMORY_H

#include <stdint.h>

/* Bytes that a program can still take without swapping: the system's estimate, or where it gives none what the machine
 * has; 0 where neither is known. */
uint64_t memory_available(void);

#endif
