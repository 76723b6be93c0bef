/* The label table of the Cityscapes tools (cityscapesScripts, commit 0bcc4a7). */
#ifndef FSCNN_IMAGE_LABELS_H
#define FSCNN_IMAGE_LABELS_H

#include "fastscnn/fastscnn.h"

enum { LABEL_IGNORED = 255, LABEL_CLASSES = 35, LABEL_TRAIN_CLASSES = 19 };

enum label_category {
    CATEGORY_VOID,
    CATEGORY_FLAT,
    CATEGORY_CONSTRUCTION,
    CATEGORY_OBJECT,
    CATEGORY_NATURE,
    CATEGORY_SKY,
    CATEGORY_HUMAN,
    CATEGORY_VEHICLE,
    CATEGORY_COUNT
};

struct label_row {
    struct fscnn_class what;
    enum label_category category;
};

/* Row i has label id i for 0..33; the last row is the license plate, label id -1. */
extern const struct label_row label_rows[LABEL_CLASSES];
/* "void", "flat", ... */
const char *label_category_name(enum label_category category);

#endif
