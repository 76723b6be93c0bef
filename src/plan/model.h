/* What the public struct fscnn_model is. */
#ifndef FSCNN_PLAN_MODEL_H
#define FSCNN_PLAN_MODEL_H

#include "base/file.h"
#include "plan/layout.h"

struct fscnn_model {
    struct plan plan;
    struct layout layout;
    struct file_map file; /* where plan.data lies, for a loaded model */
    void *owned;          /* the same for a model just compiled */
    const char *path;     /* what messages call it: as it was loaded, or the plan's name; may be NULL */
};

/* Checks *plan, derives its layout and takes plan, file and owned data over, also when it fails. */
FSCNN_NODISCARD enum fscnn_status model_create(struct plan *plan, struct file_map file, void *owned,
                                               struct fscnn_model **out, struct fscnn_error *err);
/* The OUTPUT stage. */
const struct stage *model_output(const struct fscnn_model *model);

#endif
