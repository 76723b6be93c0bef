/* What `infer` reads: which files, how they fill batches, and their content. */
#ifndef FSCNN_CLI_INFER_INPUTS_H
#define FSCNN_CLI_INFER_INPUTS_H

#include "files.h"

/* Every batch takes files_per_batch files of images_per_file images each; the last one is filled up with copies of its
 * own first file. No files: made-up data, one run. */
struct infer_inputs {
    struct name_list files; /* in the order in which they run */
    enum fscnn_input_type type;
    size_t file_bytes; /* of every file's elements */
    size_t batch_bytes;
    int batch, images_per_file, files_per_batch;
    int height, width, channels;
    size_t runs;
};

/* `input`: comma list of files, or one folder; NULL: made-up data. The first file decides how all are read:
 * .npy float32 or uint8 [..., h, w, 3]; anything else float32 NCHW or uint8 RGB (h x w x 3), told by its size.
 * limit 0: all files. Errors: USAGE (several folders, nothing to run), IO, FORMAT (a size that does not fit). */
FSCNN_NODISCARD enum fscnn_status infer_inputs_open(const char *input, int limit, const struct fscnn_model *model,
                                                    int batch, struct infer_inputs *out, struct fscnn_error *err);
void infer_inputs_free(struct infer_inputs *inputs);

/* Files first..first + count - 1 are what run number `run` takes. */
void infer_inputs_of_run(const struct infer_inputs *inputs, size_t run, size_t *first, size_t *count);

/* Fills buffer [batch_bytes] with the files of a run. Errors: IO, FORMAT (another size or type than the first). */
FSCNN_NODISCARD enum fscnn_status infer_inputs_read(const struct infer_inputs *inputs, size_t run, void *buffer,
                                                    struct fscnn_error *err);

/* The name that a file's results carry: up to the first '.'. Writes into text, returns text. */
const char *infer_stem(const char *path, char *text, size_t size);

/* USAGE where two files' results would have the same name. */
FSCNN_NODISCARD enum fscnn_status infer_inputs_check_names(const struct infer_inputs *inputs, struct fscnn_error *err);

#endif
