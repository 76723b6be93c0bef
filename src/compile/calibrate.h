/* Ranges of a network's activations, seen on pictures. */
#ifndef FSCNN_COMPILE_CALIBRATE_H
#define FSCNN_COMPILE_CALIBRATE_H

#include "compile/compile.h"

/* Runs the optimised graph in float32 on pictures of the file or folder `path` (at most `limit`, 0: 32; scaled to the
 * network's input) and fills quants[num_nodes]. Says on the log what it looked at. Errors: those of reading pictures;
 * USAGE when there are none. */
FSCNN_NODISCARD enum fscnn_status calibrate(const struct graph *graph, const char *path, int limit,
                                            struct fscnn_log log, struct quant *quants, struct fscnn_error *err);

#endif
