/* Every command of the program; main.c lists them in a table. */
#ifndef FSCNN_CLI_COMMANDS_H
#define FSCNN_CLI_COMMANDS_H

#include "options.h"

/* extern const struct command command_NAME; */
extern const struct command command_preprocess;
extern const struct command command_evaluate;

#endif
