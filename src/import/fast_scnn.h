/* Fast-SCNN's side of import: what a checkpoint holds of it. The graph itself comes from import_fast_scnn. */
#ifndef FSCNN_IMPORT_FAST_SCNN_H
#define FSCNN_IMPORT_FAST_SCNN_H

#include "import/fast_scnn_layers.h"
#include "import/import.h"

struct fast_scnn_summary {
    int classes;
    uint64_t elements;                         /* of the tensors that inference needs */
    int left_out_auxiliary, left_out_counters; /* tensors */
};

/* Checks that exactly a Fast-SCNN's tensors are there, floating point, finite and of their shapes; auxiliary heads and
 * num_batches_tracked may be there or not. Error FORMAT, with the checkpoint's name. */
FSCNN_NODISCARD enum fscnn_status fast_scnn_check(const struct checkpoint *checkpoint, struct fast_scnn_summary *out,
                                                  struct fscnn_error *err);

#endif
