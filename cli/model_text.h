/* What a model is, for people and as JSON. */
#ifndef FSCNN_CLI_MODEL_TEXT_H
#define FSCNN_CLI_MODEL_TEXT_H

#include "json_output.h"

/* Six lines on stdout: input, output, precision, weights, memory, work. */
void model_print(const struct fscnn_model *model);

/* The same as an object with "memory_plan" and "steps" (lists of lines); NULL when out of memory. */
json_t *model_json(const struct fscnn_model *model);

#endif
