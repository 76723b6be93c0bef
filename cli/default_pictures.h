/* Pictures to calibrate int8 on when none are named. */
#ifndef FSCNN_CLI_DEFAULT_PICTURES_H
#define FSCNN_CLI_DEFAULT_PICTURES_H

#include "fastscnn/fastscnn.h"

enum { DEFAULT_PICTURES = 8 };

struct default_pictures {
    char folder[256]; /* "": there is none */
    int count;
};

/* Paints street scenes of this size into a folder of its own below the temporary one; the same ones each time.
 * default_pictures_remove also after an error. */
FSCNN_NODISCARD enum fscnn_status default_pictures_make(int height, int width, struct default_pictures *out,
                                                        struct fscnn_error *err);
void default_pictures_remove(struct default_pictures *pictures);

#endif
