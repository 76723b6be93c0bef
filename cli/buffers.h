/* Large buffers and the memory they are made of. */
#ifndef FSCNN_CLI_BUFFERS_H
#define FSCNN_CLI_BUFFERS_H

#include <stddef.h>

/* The most bytes that this process has had in memory at a time; 0 where the system does not tell. */
size_t memory_peak(void);

/* A zeroed buffer whose pages are all there, large ones where the system has them: the first touch of fresh memory
 * would otherwise be measured as the network's time. NULL when out of memory. */
void *buffer_create(size_t bytes);
/* `data` may be NULL. */
void buffer_free(void *data, size_t bytes);

#endif
