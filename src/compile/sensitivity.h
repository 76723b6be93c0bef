/* What quantising each layer costs, and which layers to leave in bf16. */
#ifndef FSCNN_COMPILE_SENSITIVITY_H
#define FSCNN_COMPILE_SENSITIVITY_H

#include "compile/compile.h"
#include "compile/samples.h"

/* Quantises every layer that can be alone, others float32, compares with float32 on some of the pictures and reports to
 * options->sensitivity. Fills types[num_nodes], for lowering: uint8, but for the layers that must stay in bf16 for
 * options->accuracy_budget. Errors: those of reading pictures; UNSUPPORTED when the budget cannot be met. */
FSCNN_NODISCARD enum fscnn_status sensitivity_choose(const struct graph *graph,
                                                     const struct fscnn_compile_options *options,
                                                     const struct samples *samples, const struct quant *quants,
                                                     uint8_t *types, struct fscnn_error *err);

#endif
