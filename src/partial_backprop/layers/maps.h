/* What works on maps of one type: included by kernels.c for each, with NUMBER (the type in memory), LOAD and STORE
   (from it to float and back) and NAME (a function's name with the type's). Sums and vectors are float32 or double. */

/* ---- Batch normalisation with what follows it: an addend or none, a rectifier or none. ----
   x, y and their gradients have `rows` rows of c numbers. Inner loops run over `period` = c * r numbers at once,
   with vectors of one number per channel repeated r times, so that they are long for few channels too. */

/* Inner loops; `n_rows` neighbouring rows, as many as ROWS or one, are summed at once. */
#ifndef HAS_VECTORS
#define ROWS 1
static void NAME(arrange)(float *vector, size period) { (void)vector, (void)period; }
static void NAME(restore)(double *vector, size period) { (void)vector, (void)period; }

static inline void NAME(add_inputs)(const NUMBER *restrict x, const float *restrict centre, float *restrict s,
                                    float *restrict q, size count, size n_rows) {
    (void)n_rows;
    SIMD for (size k = 0; k < count; k++) {
        float d = LOAD(x[k]) - centre[k];
        s[k] += d;
        q[k] += d * d;
    }
}

static inline void NAME(normalise_row)(const NUMBER *restrict x, const NUMBER *restrict addend, NUMBER *restrict y,
                                       const float *restrict scale, const float *restrict shift, size count,
                                       size rectify) {
    if (addend && rectify) {
        SIMD for (size k = 0; k < count; k++) {
            float v = LOAD(x[k]) * scale[k] + shift[k] + LOAD(addend[k]);
            y[k] = STORE(v <= 0 ? 0 : v);
        }
    } else if (addend) {
        SIMD for (size k = 0; k < count; k++) y[k] = STORE(LOAD(x[k]) * scale[k] + shift[k] + LOAD(addend[k]));
    } else if (rectify) {
        SIMD for (size k = 0; k < count; k++) {
            float v = LOAD(x[k]) * scale[k] + shift[k];
            y[k] = STORE(v <= 0 ? 0 : v);
        }
    } else {
        SIMD for (size k = 0; k < count; k++) y[k] = STORE(LOAD(x[k]) * scale[k] + shift[k]);
    }
}

static inline void NAME(add_gradients)(const NUMBER *restrict dy, const NUMBER *restrict y, const NUMBER *restrict x,
                                       NUMBER *restrict g, const float *restrict mean, const float *scale,
                                       const float *shift, float *restrict s, float *restrict q, size count,
                                       size n_rows) {
    (void)n_rows, (void)scale, (void)shift;
    if (y && g) {
        SIMD for (size k = 0; k < count; k++) {
            float v = LOAD(y[k]) <= 0 ? 0 : LOAD(dy[k]);
            g[k] = STORE(v);
            s[k] += v;
            q[k] += v * (LOAD(x[k]) - mean[k]);
        }
    } else if (y) {
        SIMD for (size k = 0; k < count; k++) {
            float v = LOAD(y[k]) <= 0 ? 0 : LOAD(dy[k]);
            s[k] += v;
            q[k] += v * (LOAD(x[k]) - mean[k]);
        }
    } else {
        SIMD for (size k = 0; k < count; k++) {
            s[k] += LOAD(dy[k]);
            q[k] += LOAD(dy[k]) * (LOAD(x[k]) - mean[k]);
        }
    }
}

static inline void NAME(gradient_row)(const NUMBER *restrict dy, const NUMBER *restrict y, const NUMBER *restrict x,
                                      const NUMBER *restrict carried, NUMBER *restrict dx, const float *scale,
                                      const float *shift, const float *restrict a, const float *restrict b,
                                      const float *restrict d, size count) {
    (void)scale, (void)shift;
    if (carried) {
        const NUMBER *restrict out = y ? y : x;
        SIMD for (size k = 0; k < count; k++) {
            float v = y && LOAD(out[k]) <= 0 ? 0 : LOAD(dy[k]);
            dx[k] = STORE(a[k] * v + (b[k] * LOAD(x[k]) + d[k]) + LOAD(carried[k]));
        }
    } else if (y) {
        SIMD for (size k = 0; k < count; k++) {
            float v = LOAD(y[k]) <= 0 ? 0 : LOAD(dy[k]);
            dx[k] = STORE(a[k] * v + (b[k] * LOAD(x[k]) + d[k]));
        }
    } else {
        SIMD for (size k = 0; k < count; k++) dx[k] = STORE(a[k] * LOAD(dy[k]) + (b[k] * LOAD(x[k]) + d[k]));
    }
}
#endif

/* A vector of one number per channel, repeated and in the order of the inner loops. */
static void NAME(spread_out)(float *vector, size c, size period) {
    repeat(vector, c, period);
    NAME(arrange)(vector, period);
}

/* Sums over rows of x - centre and of its square: sums (2, period), whose first c of each are the result. */
static void NAME(sum_inputs)(const NUMBER *x, const float *centre, double *sums, float *partial, size count, size c,
                             size period) {
    memset(sums, 0, 2 * period * sizeof(double));
    for (size start = 0; start < count; start += CHUNK * period) {
        memset(partial, 0, 2 * period * sizeof(float));
        for (size at = start; at < count && at < start + CHUNK * period;) {
            size n_rows = count - at < ROWS * period ? 1 : ROWS;
            NAME(add_inputs)(x + at, centre, partial, partial + period, count - at < period ? count - at : period, n_rows);
            at += n_rows * period;
        }
        SIMD for (size k = 0; k < 2 * period; k++) sums[k] += partial[k];
    }
    NAME(restore)(sums, 2 * period);
    fold(sums, c, period);
    fold(sums + period, c, period);
}

/* y = rectified(x * scale + shift + addend). NaN stays NaN. */
static void NAME(normalise)(const NUMBER *x, const NUMBER *addend, NUMBER *y, const float *scale, const float *shift,
                            size count, size period, size rectify) {
    for (size at = 0; at < count; at += period)
        NAME(normalise_row)(x + at, addend ? addend + at : NULL, y + at, scale, shift,
                            count - at < period ? count - at : period, rectify);
}

/* scratch holds 6 period doubles. Where `training`, mean and variance are the batch's and
   the running ones follow; else they are the running ones. `mean` and `inverse` (1 / standard deviation) keep c
   doubles each for the backward pass. */
void NAME(batch_norm_forward)(const NUMBER *x, const NUMBER *addend, NUMBER *y, const float *weight, const float *bias,
                        float *running_mean, float *running_variance, double *mean, double *inverse,
                        double *scratch, double momentum, double eps, size rows, size c, size period, size training,
                        size rectify) {
    double *sums = scratch;
    float *scale = (float *)(scratch + 2 * period), *shift = scale + period, *partial = shift + period;
    if (training) {
        /* The centre: any value near the mean saves digits of the variance. */
        for (size k = 0; k < c; k++) scale[k] = LOAD(x[k]);
        NAME(spread_out)(scale, c, period);
        NAME(sum_inputs)(x, scale, sums, partial, rows * c, c, period);
    }
    for (size k = 0; k < c; k++) {
        double m = running_mean[k], variance = running_variance[k];
        if (training) {
            double d = sums[k] / rows;
            m = LOAD(x[k]) + d;
            variance = sums[period + k] / rows - d * d;
            variance = variance < 0 ? 0 : variance;
            running_mean[k] = (float)((1 - momentum) * running_mean[k] + momentum * m);
            running_variance[k] =
                (float)((1 - momentum) * running_variance[k] + momentum * variance * rows / (rows - 1));
        }
        mean[k] = m;
        inverse[k] = 1 / sqrt(variance + eps);
    }
    for (size k = 0; k < c; k++) {
        scale[k] = (float)(weight[k] * inverse[k]);
        shift[k] = (float)(bias[k] - mean[k] * weight[k] * inverse[k]);
    }
    NAME(spread_out)(scale, c, period);
    NAME(spread_out)(shift, c, period);
    NAME(normalise)(x, addend, y, scale, shift, rows * c, period, rectify);
}

/* Sums over rows of g and of g (x - mean), with g = dy where y > 0; y may be NULL, then g = dy. g is kept in `g`,
   unless that is NULL. */
static void NAME(sum_gradients)(const NUMBER *dy, const NUMBER *y, const NUMBER *x, NUMBER *g, const float *mean,
                                const float *scale, const float *shift, double *sums, float *partial, size count, size c, size period) {
    memset(sums, 0, 2 * period * sizeof(double));
    for (size start = 0; start < count; start += CHUNK * period) {
        memset(partial, 0, 2 * period * sizeof(float));
        for (size at = start; at < count && at < start + CHUNK * period;) {
            size n_rows = count - at < ROWS * period ? 1 : ROWS;
            NAME(add_gradients)(dy + at, y ? y + at : NULL, x + at, g ? g + at : NULL, mean, scale, shift, partial, partial + period,
                                count - at < period ? count - at : period, n_rows);
            at += n_rows * period;
        }
        SIMD for (size k = 0; k < 2 * period; k++) sums[k] += partial[k];
    }
    NAME(restore)(sums, 2 * period);
    fold(sums, c, period);
    fold(sums + period, c, period);
}

/* Gradients of a batch normalisation. y: its rectified output, or NULL where nothing was rectified. g: where to keep
   the gradient before the rectifier, which is the addend's, or NULL. dx: NULL where not wanted. carried: what is added
   to dx, rows `stride` numbers apart, or NULL. bias: NULL where something was added; without, y may not be read, since x
   tells what was rectified. scratch as above. */
void NAME(batch_norm_backward)(const NUMBER *dy, const NUMBER *y, const NUMBER *x, NUMBER *g, NUMBER *dx,
                               const float *weight, const float *bias, float *of_weight, float *of_bias,
                               const double *mean, const double *inverse, double *scratch, const NUMBER *carried,
                               size stride, size rows, size c, size period, size training) {
    double *sums = scratch;
    float *a = (float *)(scratch + 2 * period), *b = a + period, *d = b + period, *partial = d + period;
    float *scale = NULL, *shift = NULL;
    if (y && bias) {
        scale = partial + 2 * period, shift = scale + period;
        for (size k = 0; k < c; k++) {
            scale[k] = (float)(weight[k] * inverse[k]);
            shift[k] = (float)(bias[k] - mean[k] * weight[k] * inverse[k]);
        }
        NAME(spread_out)(scale, c, period);
        NAME(spread_out)(shift, c, period);
    }
    size count = rows * c;
    for (size k = 0; k < c; k++) a[k] = (float)mean[k];
    NAME(spread_out)(a, c, period);
    NAME(sum_gradients)(dy, y, x, g, a, scale, shift, sums, partial, count, c, period);
    for (size k = 0; k < c; k++) {
        double scale = weight[k] * inverse[k], of_w = sums[period + k] * inverse[k];
        /* sums of g (x - mean) took the mean in float32: what that left out is taken off here. */
        of_w -= sums[k] * (mean[k] - (double)(float)mean[k]) * inverse[k];
        double slope = training ? -scale * inverse[k] * of_w / rows : 0;
        of_weight[k] = (float)of_w;
        of_bias[k] = (float)sums[k];
        a[k] = (float)scale;
        b[k] = (float)slope;
        d[k] = training ? (float)(-scale * sums[k] / rows - slope * mean[k]) : 0;
    }
    if (!dx) return;
    NAME(spread_out)(a, c, period);
    NAME(spread_out)(b, c, period);
    NAME(spread_out)(d, c, period);
    if (g) dy = g, y = NULL;
    size length = carried ? c : period;
    for (size at = 0, row = 0; at < count; at += length, row++)
        NAME(gradient_row)(dy + at, y ? y + at : NULL, x + at, carried ? carried + row * stride : NULL, dx + at,
                           scale, shift, a, b, d, count - at < length ? count - at : length);
}

/* ---- Max-pooling of 2 x 2 with stride 2, and a rectifier behind it or none. Channels go by eights, for few too. ---- */

static inline void NAME(pool)(const NUMBER *restrict x0, const NUMBER *restrict x1, const NUMBER *restrict x2,
                        const NUMBER *restrict x3, NUMBER *restrict out, int *restrict which, size count, int rectify) {
    SIMD for (size k = 0; k < count; k++) {
        float a = LOAD(x0[k]), b = LOAD(x1[k]), c = LOAD(x2[k]), d = LOAD(x3[k]), m = a;
        int at = 0;
        /* NaN wins, as in torch. */
        at = (b > m) | (b != b) ? 1 : at, m = at == 1 ? b : m;
        at = (c > m) | (c != c) ? 2 : at, m = at == 2 ? c : m;
        at = (d > m) | (d != d) ? 3 : at, m = at == 3 ? d : m;
        at = rectify & (m <= 0) ? 4 : at;
        out[k] = STORE(at == 4 ? 0 : m);
        which[k] = at;
    }
}

static inline void NAME(spread)(const NUMBER *restrict up, const unsigned char *restrict which, NUMBER *restrict x0,
                          NUMBER *restrict x1, NUMBER *restrict x2, NUMBER *restrict x3, size count) {
    int from[8];
    for (size k = 0; k < count; k++) from[k] = which[k];
    SIMD for (size k = 0; k < count; k++) {
        x0[k] = from[k] == 0 ? up[k] : 0;
        x1[k] = from[k] == 1 ? up[k] : 0;
        x2[k] = from[k] == 2 ? up[k] : 0;
        x3[k] = from[k] == 3 ? up[k] : 0;
    }
}

/* x (n, h, w, c) -> y (n, h/2, w/2, c); which of the four inputs each output is, or 4 where it was rectified. */
void NAME(max_pool_forward)(const NUMBER *x, NUMBER *y, unsigned char *which, size n, size h, size w, size c, size rectify) {
    for (size row = 0; row < n * (h / 2); row++)
        for (size b = 0; b < w / 2; b++) {
            const NUMBER *x0 = x + ((row / (h / 2) * h + row % (h / 2) * 2) * w + 2 * b) * c, *x2 = x0 + w * c;
            size to = (row * (w / 2) + b) * c;
            for (size k = 0; k < c; k += 8) {
                int at[8];
                size count = c - k < 8 ? c - k : 8;
                if (count == 8)
                    NAME(pool)(x0 + k, x0 + c + k, x2 + k, x2 + c + k, y + to + k, at, 8, (int)rectify);
                else
                    NAME(pool)(x0 + k, x0 + c + k, x2 + k, x2 + c + k, y + to + k, at, count, (int)rectify);
                for (size l = 0; l < count; l++) which[to + k + l] = (unsigned char)at[l];
            }
        }
}

void NAME(max_pool_backward)(const NUMBER *dy, const unsigned char *which, NUMBER *dx, size n, size h, size w, size c) {
    for (size row = 0; row < n * (h / 2); row++)
        for (size b = 0; b < w / 2; b++) {
            NUMBER *x0 = dx + ((row / (h / 2) * h + row % (h / 2) * 2) * w + 2 * b) * c, *x2 = x0 + w * c;
            size from = (row * (w / 2) + b) * c;
            for (size k = 0; k < c; k += 8) {
                if (c - k < 8)
                    NAME(spread)(dy + from + k, which + from + k, x0 + k, x0 + c + k, x2 + k, x2 + c + k, c - k);
                else
                    NAME(spread)(dy + from + k, which + from + k, x0 + k, x0 + c + k, x2 + k, x2 + c + k, 8);
            }
        }
}
