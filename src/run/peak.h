/* What the processor can do at most: the yardstick of `fastscnn bench --profile` and `checkkernels --bench`. */
#ifndef FSCNN_RUN_PEAK_H
#define FSCNN_RUN_PEAK_H

#include "base/status.h"
#include "kernels/kernels.h"

/* fscnn_cpu_peak for the instruction sets of a table of kernels. */
FSCNN_NODISCARD enum fscnn_status peak_measure(const struct kernels *kernels, int threads, struct fscnn_peak *out,
                                               struct fscnn_error *err);

#endif
