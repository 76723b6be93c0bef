/* In how many parts float32 numbers are split, where the processor multiplies parts (kernels/split.h). */
#ifndef FSCNN_COMPILE_SPLIT_CHOICE_H
#define FSCNN_COMPILE_SPLIT_CHOICE_H

#include "compile/compile.h"

/* Sets split_parts of the steps of *plan, the lowered graph, to 2 where a test picture's logits show that little
 * changes. Leaves them at 3 where that cannot be measured: on processors that do not split, in networks that do not
 * take three channels or are very large, and without the memory to run them. */
void split_choose(const struct graph *graph, struct plan *plan, struct fscnn_log log);

#endif
