/* From counts of an activation's values to its range: a few large values may be cut off when that makes all steps
 * smaller. */
#include <math.h>
#include <string.h>

#include "compile/calibrate.h"
#include "compile/quantise.h"

enum { LEVELS = 256 };
static const double PERCENTILE = 0.9999; /* of the values lie inside, half of the others on either side */

static double bin_middle(const struct range *range, int bin) {
    return range->low + ((double)range->high - range->low) / RANGE_BINS * (bin + 0.5);
}

/* Mean squared error of steps over low..high. */
static double squared_error(const struct range *range, float low, float high) {
    double step = ((double)high - low) / (LEVELS - 1), sum = 0;
    for (int i = 0; i < RANGE_BINS; i++) {
        double value = bin_middle(range, i);
        double off = value < low ? low - value : value > high ? value - high : 0;
        sum += range->bins[i] * (off > 0 ? off * off : step * step / 12);
    }
    return sum;
}

/* The Kullback-Leibler divergence from the counts, what lies outside low..high added to the outermost bins inside, to
 * the same counts in LEVELS levels, each spread evenly over its bins that are not empty. */
static double divergence(const struct range *range, float low, float high) {
    double clipped[RANGE_BINS] = {0}, total = 0, inside = 0, sum = 0;
    int first = RANGE_BINS, last = -1, level = -1;
    for (int i = 0; i < RANGE_BINS; i++) {
        if (bin_middle(range, i) >= low && bin_middle(range, i) <= high) {
            first = i < first ? i : first;
            last = i;
        }
    }
    if (last - first + 1 < LEVELS) {
        return INFINITY; /* finer than what was counted */
    }
    for (int i = 0; i < RANGE_BINS; i++) {
        clipped[i < first ? first : i > last ? last : i] += range->bins[i];
        total += range->bins[i];
        inside += i >= first && i <= last ? range->bins[i] : 0;
    }
    for (int from = first, to; from <= last; from = to) {
        double count = 0;
        int filled = 0;
        level = (from - first) * LEVELS / (last - first + 1);
        for (to = from; to <= last && (to - first) * LEVELS / (last - first + 1) == level; to++) {
            count += range->bins[to];
            filled += clipped[to] > 0;
        }
        for (int i = from; i < to; i++) {
            if (clipped[i] > 0) {
                sum += clipped[i] / total * log(clipped[i] / total * inside / fmax(count / filled, 1e-3));
            }
        }
    }
    return sum;
}

/* The part of the whole range, in steps of 2 %, of which `loss` is least. */
static struct quant least_loss(const struct range *range,
                               double (*loss)(const struct range *range, float low, float high)) {
    float best = 1.0F, low = fminf(range->low, 0), high = fmaxf(range->high, 0);
    double least = INFINITY;
    for (int percent = 100; percent >= 20; percent -= 2) {
        float part = (float)percent / 100.0F;
        double lost = loss(range, low * part, high * part);
        if (lost < least) {
            least = lost;
            best = part;
        }
    }
    return quant_of_range(low * best, high * best);
}

/* Activations that are cut at 0 have so many zeros, which are exact in any steps, that nothing else would count: there
 * are taken to be as many as of the values beside them. */
static struct quant entropy(const struct range *range) {
    uint64_t bins[RANGE_BINS];
    const struct range rest = {.low = range->low, .high = range->high, .bins = bins};
    int zero = (int)(-(double)range->low / ((double)range->high - range->low) * RANGE_BINS);
    zero = zero < 0 ? 0 : zero < RANGE_BINS ? zero : RANGE_BINS - 1;
    memcpy(bins, range->bins, sizeof(bins));
    bins[zero] = bins[zero + 1 < RANGE_BINS ? zero + 1 : zero - 1];
    return least_loss(&rest, divergence);
}

static struct quant percentile(const struct range *range) {
    double total = 0, below = 0, above = 0;
    int first = 0, last = RANGE_BINS - 1;
    for (int i = 0; i < RANGE_BINS; i++) {
        total += range->bins[i];
    }
    const double outside = total * (1 - PERCENTILE) / 2;
    while (first < last && below + range->bins[first] <= outside) {
        below += range->bins[first++];
    }
    while (last > first && above + range->bins[last] <= outside) {
        above += range->bins[last--];
    }
    const double width = ((double)range->high - range->low) / RANGE_BINS;
    return quant_of_range((float)(bin_middle(range, first) - width / 2), (float)(bin_middle(range, last) + width / 2));
}

struct quant choose_quant(const struct range *range, enum fscnn_calibration_method method) {
    if (!(range->high > range->low)) {
        return quant_of_range(range->low, range->high);
    }
    switch (method) {
    case FSCNN_CALIBRATION_MINMAX: return quant_of_range(range->low, range->high);
    case FSCNN_CALIBRATION_MSE: return least_loss(range, squared_error);
    case FSCNN_CALIBRATION_ENTROPY: return entropy(range);
    default: return percentile(range);
    }
}
