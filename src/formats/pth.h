/* PyTorch checkpoints: bytes -> named tensors. Interprets only what tensors need of the pickle. */
#ifndef FSCNN_FORMATS_PTH_H
#define FSCNN_FORMATS_PTH_H

#include "base/arena.h"
#include "base/file.h"
#include "base/status.h"
#include "tensor/tensor.h"

struct checkpoint {
    struct arena arena;
    struct tensor *tensors; /* in file order; names without "module." and the like; data contiguous, in C order */
    int num_tensors;
    int num_others;        /* entries of the state_dict that are not tensors, left out */
    const char *container; /* "zip" or "legacy", for messages */
    const char *name;      /* what checkpoint_open or _parse was told, for messages */
};

/* Whether a file's first bytes are a checkpoint's: a zip archive or torch's older magic number. */
bool file_is_checkpoint(const void *data, size_t size);

/* Opens `path` and finds the state_dict in it (bare, or nested in state_dict / model / model_state_dict / net / ...).
 * Errors: IO, FORMAT ("model.pth: data.pkl +1432: ..."), UNSUPPORTED ("... global posix.system refused"), MEMORY. */
FSCNN_NODISCARD enum fscnn_status checkpoint_open(const char *path, struct checkpoint *out, struct fscnn_error *err);
/* The same from memory (for tests and fuzzing); `name` stands in messages; data stays the caller's and
 * is not needed after the call. */
FSCNN_NODISCARD enum fscnn_status checkpoint_parse(const void *data, size_t size, const char *name,
                                                   struct checkpoint *out, struct fscnn_error *err);
void checkpoint_close(struct checkpoint *checkpoint);
/* NULL when there is none of that name. */
const struct tensor *checkpoint_find(const struct checkpoint *checkpoint, const char *name);

#endif
