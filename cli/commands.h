/* Every command of the program; main.c lists them in a table. */
#ifndef FSCNN_CLI_COMMANDS_H
#define FSCNN_CLI_COMMANDS_H

#include "options.h"

/* extern const struct command command_NAME; */
extern const struct command command_preprocess;
extern const struct command command_evaluate;
extern const struct command command_validate;
extern const struct command command_compile;
extern const struct command command_export;
extern const struct command command_infer;
extern const struct command command_bench;
extern const struct command command_info;
extern const struct command command_segment;

#endif
