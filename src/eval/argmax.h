/* Logits -> labels. Ties go to the lower class; NaN never wins; a pixel with nothing above minus infinity is class 0.
 */
#ifndef FSCNN_EVAL_ARGMAX_H
#define FSCNN_EVAL_ARGMAX_H

#include <stddef.h>
#include <stdint.h>

/* logits [classes, pixels] f32 or IEEE half, at any alignment; classes 1..256; labels [pixels]. */
void argmax_f32(const void *logits, int classes, size_t pixels, uint8_t *labels);
void argmax_f16(const void *logits, int classes, size_t pixels, uint8_t *labels);

#endif
