/* Where the outputs of a resize sample their input, for calls. */
#ifndef FSCNN_CHECKKERNELS_TAPS_H
#define FSCNN_CHECKKERNELS_TAPS_H

#include <stdbool.h>

#include "tensor/taps.h"

/* For `padded` outputs: as resizing `in_width` to `pixels` makes them, or anywhere. Fractions are quarters if `exact`.
 */
struct tap *make_taps(int pixels, int padded, int in_width, bool anywhere, bool exact);
/* The same taps in groups. */
struct tap_group *make_groups(const struct tap *taps, int padded);

#endif
