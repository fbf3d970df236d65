/* Passes over frozen entries of several tensors at once, by the bits of numbers of 2, 4 or 8 bytes. active[i] is 1 or 0;
 * x, active and then lie alike in memory. */
#include <stddef.h>
#include <stdint.h>

#define PASSES(T)                                                                                        \
    static void zero_##T(T *restrict x, const uint8_t *restrict active, ptrdiff_t n)                     \
    {                                                                                                    \
        for (ptrdiff_t i = 0; i < n; i++) x[i] &= (T)0 - active[i];                                      \
    }                                                                                                    \
                                                                                                         \
    static void put_back_##T(                                                                            \
        T *restrict x, const uint8_t *restrict active, const T *restrict then, ptrdiff_t n)              \
    {                                                                                                    \
        for (ptrdiff_t i = 0; i < n; i++) x[i] = then[i] ^ ((x[i] ^ then[i]) & ((T)0 - active[i]));      \
    }                                                                                                    \
                                                                                                         \
    static ptrdiff_t differ_##T(                                                                         \
        const T *restrict x, const uint8_t *restrict active, const T *restrict then, ptrdiff_t n)        \
    {                                                                                                    \
        T found = 0;                                                                                     \
        for (ptrdiff_t i = 0; i < n; i++) found |= (x[i] ^ then[i]) & ((T)active[i] - 1);                \
        return found != 0;                                                                               \
    }

PASSES(uint16_t)
PASSES(uint32_t)
PASSES(uint64_t)

#define OF_WIDTH(width, pass, ...)                                                                       \
    ((width) == 2   ? pass##_uint16_t(__VA_ARGS__)                                                       \
     : (width) == 4 ? pass##_uint32_t(__VA_ARGS__)                                                       \
                    : pass##_uint64_t(__VA_ARGS__))

void zero(ptrdiff_t n_tensors, void **x, uint8_t **active, const ptrdiff_t *n, const ptrdiff_t *width)
{
    for (ptrdiff_t j = 0; j < n_tensors; j++) OF_WIDTH(width[j], zero, x[j], active[j], n[j]);
}

void put_back(
    ptrdiff_t n_tensors, void **x, uint8_t **active, void **then, const ptrdiff_t *n, const ptrdiff_t *width)
{
    for (ptrdiff_t j = 0; j < n_tensors; j++) OF_WIDTH(width[j], put_back, x[j], active[j], then[j], n[j]);
}

/* Whether a frozen entry of x is another than `then`. */
ptrdiff_t differ(
    ptrdiff_t n_tensors, void **x, uint8_t **active, void **then, const ptrdiff_t *n, const ptrdiff_t *width)
{
    ptrdiff_t found = 0;
    for (ptrdiff_t j = 0; j < n_tensors; j++) found |= OF_WIDTH(width[j], differ, x[j], active[j], then[j], n[j]);
    return found;
}
