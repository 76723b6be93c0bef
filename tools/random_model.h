/* A complete Fast-SCNN checkpoint with pseudo-random weights: for tests, and as a stand-in for a trained model. */
#ifndef FSCNN_TOOLS_RANDOM_MODEL_H
#define FSCNN_TOOLS_RANDOM_MODEL_H

#include "pth_writer.h"

struct random_model {
    int seed, classes;
    enum dtype dtype;   /* of the weights: a floating point type */
    bool auxiliary;     /* with the training heads */
    bool legacy;        /* in the layout before torch 1.6, not zip */
    const char *wrap;   /* the state_dict under this key of a dict, beside an epoch; NULL: bare */
    const char *prefix; /* before every name, at most 60 characters; NULL: none */
};

/* `out` gets the file's bytes: the same ones on every machine. */
void random_model_write(const struct random_model *model, struct blob *out);

#endif
