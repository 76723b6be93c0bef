/* "did you mean ...?" for mistyped commands and options. */
#ifndef FSCNN_CLI_SUGGEST_H
#define FSCNN_CLI_SUGGEST_H

#include <stddef.h>

/* The nearest word so far; starts as zeros with `typed` set. */
struct suggestion {
    const char *typed;
    const char *nearest; /* NULL: nothing is near */
    int distance;
};

/* Takes `word` where it is nearer than what there was: at most two letters typed wrong, left out, doubled or swapped
 * with the next, and fewer than half of them. '_' and '-' are the same, capitals are small letters. */
void suggestion_consider(struct suggestion *suggestion, const char *word);

#endif
