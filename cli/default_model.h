/* The model a command runs: an offline model as it is, a checkpoint or ONNX file compiled in memory for a size. */
#ifndef FSCNN_CLI_DEFAULT_MODEL_H
#define FSCNN_CLI_DEFAULT_MODEL_H

#include "fastscnn/fastscnn.h"

/* Where the model that comes with the program is, in fresh memory: FASTSCNN_MODEL if set (whether or not that file is
 * there), else models/fast_scnn_street.pth in the folder of the executable or up to two above it (a build folder), else
 * <prefix>/share/fastscnn/fast_scnn_street.pth. Errors: IO, with the places looked at. */
FSCNN_NODISCARD enum fscnn_status default_model_path(char **out, struct fscnn_error *err);

/* False for an offline model, which has a fixed size; true for a checkpoint or ONNX file, which is compiled when
 * opened, so that any picture size can be had of it. By content; by the name's end where that says nothing. */
bool model_is_source(const char *path);

/* By content alone; false for what is not a regular file. */
bool model_is_offline(const char *path);

/* Whether what is there starts like a checkpoint, in either container; false for what is not a regular file. */
bool model_is_checkpoint(const char *path);

/* Says of a file that could not be read as ONNX what it is instead, in err; returns `status`. */
enum fscnn_status model_explain(const char *path, enum fscnn_status status, struct fscnn_error *err);

/* The pyramid pooling of checkpoints. */
struct pool_choice {
    enum fscnn_pool kind;
    bool given; /* asked for: nothing else will do */
    bool told;  /* set by model_open, which says once that it took another */
};

/* Opens a model; path NULL: default_model_path. A source is compiled for height x width (0, 0: what fscnn_compile
 * takes then) and `pool`, which only a checkpoint heeds; USAGE where it was asked for of another file. Fixed pooling
 * that was not asked for becomes adaptive where the picture is too small for it, with a line on stderr. An offline
 * model is loaded and has the size it has, which the caller compares. */
FSCNN_NODISCARD enum fscnn_status model_open(const char *path, int height, int width, struct pool_choice *pool,
                                             struct fscnn_model **out, struct fscnn_error *err);
/* The same for all that can be asked of a compilation; `pool` counts, not options->pool. */
FSCNN_NODISCARD enum fscnn_status model_open_as(const char *path, const struct fscnn_compile_options *options,
                                                struct pool_choice *pool, struct fscnn_model **out,
                                                struct fscnn_error *err);

/* The batch size to run: what was asked for, where the model of the file `path` has it (else USAGE); asked 0: its
 * smallest. */
FSCNN_NODISCARD enum fscnn_status model_choose_batch(const struct fscnn_model_info *info, const char *path, int asked,
                                                     int *batch, struct fscnn_error *err);

/* USAGE, naming both sizes, where `what` (a picture's name, an option) of height x width does not fit the model, which
 * was opened from `path`. */
FSCNN_NODISCARD enum fscnn_status model_check_size(const struct fscnn_model *model, const char *path, const char *what,
                                                   int height, int width, struct fscnn_error *err);

#endif
