/* What the compiler reports of layers under int8: collected, printed, written. */
#ifndef FSCNN_CLI_SENSITIVITY_OUTPUT_H
#define FSCNN_CLI_SENSITIVITY_OUTPUT_H

#include "json_output.h"

/* For the compiler's options: appends an object for each layer to the array, which must outlive the compilation. */
struct fscnn_sensitivity sensitivity_collect(json_t *layers);
/* A line for each layer, the costliest first. */
void sensitivity_print(const json_t *layers);

#endif
