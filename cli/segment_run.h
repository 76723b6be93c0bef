/* The work of `segment`: pictures decoded, segmented and encoded as overlapping stages. */
#ifndef FSCNN_CLI_SEGMENT_RUN_H
#define FSCNN_CLI_SEGMENT_RUN_H

#include "files.h"
#include "model_cache.h"

/* One picture that went through, or did not: then status and err tell why, and only `input` is valid besides. */
struct segmented {
    const char *input, *output;
    enum fscnn_status status;
    struct fscnn_error err;
    int height, width;         /* of the picture */
    int run_height, run_width; /* of what the network saw */
    double read_ms, run_ms, write_ms;
    bool cityscapes;      /* train ids are those of Cityscapes, not classes of the model's own */
    uint64_t pixels[256]; /* of each train id */
};

/* Whether a model's classes are Cityscapes': 19 of them, or labels of the network's own, whose number nobody knows. */
bool classes_are_cityscapes(const struct fscnn_model_info *info);

struct segment_job {
    const struct name_list *inputs, *outputs; /* pictures and the PNG files to write, as many */
    struct model_cache *models;
    enum fscnn_style style;
    int height, width; /* what pictures are scaled to; 0: their own size */
    /* Called for each picture in order, one at a time. */
    void (*done)(void *user, const struct segmented *picture);
    void *user;
};

/* Errors: MEMORY. What goes wrong with a picture is that picture's affair. */
FSCNN_NODISCARD enum fscnn_status segment_run(const struct segment_job *job, struct fscnn_error *err);

#endif
