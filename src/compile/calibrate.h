/* Ranges of a network's activations, seen on pictures. */
#ifndef FSCNN_COMPILE_CALIBRATE_H
#define FSCNN_COMPILE_CALIBRATE_H

#include "compile/compile.h"
#include "compile/samples.h"
#include "run/session.h"

/* Runs the optimised graph in float32 on the pictures and fills quants[num_nodes], whose arrays are the arena's.
 * Errors: those of reading pictures; UNSUPPORTED when the network does not take RGB. */
FSCNN_NODISCARD enum fscnn_status calibrate(const struct graph *graph, const struct samples *samples,
                                            enum fscnn_calibration_method method, struct arena *arena,
                                            struct quant *quants, struct fscnn_error *err);

/* ranges.c: the steps for values of which range->bins counts how many lay where. */
struct quant choose_quant(const struct range *range, enum fscnn_calibration_method method);

#endif
