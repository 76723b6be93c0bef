/* One result file or label file -> train ids [pixels].
 *
 *   .bin   the elements alone, little-endian; what they are is told by the size, given the label file's pixels:
 *          pixels bytes u8 labels; 4 * classes * pixels f32 logits; 2 * classes * pixels f16 logits; where the
 *          classes are not known and both fit, it is refused, except for the 76 bytes of 19 floats
 *   .npy   f32, f16 or f64 logits [(1,) classes, height, width] or integer labels [(1,) (1,) height, width]
 *   .txt   numbers between white space: logits in the order above, or labels where there is one a pixel
 */
#ifndef FSCNN_EVAL_RESULT_FILES_H
#define FSCNN_EVAL_RESULT_FILES_H

#include "base/file.h"
#include "base/status.h"

enum { DEFAULT_CLASSES = 19 };
#define MAX_LABEL_PIXELS ((size_t)1 << 28)

/* Train ids of one file; the buffer is kept from file to file and grows where needed. */
struct label_buffer {
    uint8_t *labels;
    size_t count, room;
};
void label_buffer_release(struct label_buffer *buffer);

/* Reads ground truth: 255 for ignored pixels (-1 and 255 in the file). `classes` 0: any value 0..254 is fine.
 * FORMAT where a value is neither a class nor ignored, as in files of label ids. */
FSCNN_NODISCARD enum fscnn_status label_file_read(const char *path, int classes, struct label_buffer *out,
                                                  struct fscnn_error *err);

/* Reads a result that belongs to `pixels` labels, arg max included. *classes: 0 for "not known", then set where the
 * file holds logits and left at 0 where it holds labels. FORMAT, with what was expected, where the size does not fit.
 */
FSCNN_NODISCARD enum fscnn_status result_file_read(const char *path, size_t pixels, int *classes,
                                                   struct label_buffer *out, struct fscnn_error *err);

/* For text: logits (or labels) of `pixels` pixels and *classes as above, at most 32 bytes a number on average. `data`
 * need not end in white space. */
FSCNN_NODISCARD enum fscnn_status result_text_parse(const char *data, size_t size, const char *path, size_t pixels,
                                                    int *classes, struct label_buffer *out, struct fscnn_error *err);

/* Makes room for `count` labels. */
FSCNN_NODISCARD enum fscnn_status label_buffer_resize(struct label_buffer *buffer, size_t count,
                                                      struct fscnn_error *err);

#endif
