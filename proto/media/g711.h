/* proto/media/g711.h - the two companding laws of G.711, sample by sample.
 * Source: ITU-T G.711 (11/88), tables 1 and 2, in the 16-bit scale of ITU-T G.191.
 * Pure. */
#ifndef SMX_MEDIA_G711_H
#define SMX_MEDIA_G711_H

#include <stdint.h>

enum { SMX_PCMU_SILENCE = 0xff, SMX_PCMA_SILENCE = 0xd5 }; /* the code of the smallest positive sample */

int16_t smx_pcmu_decode(uint8_t code);
int16_t smx_pcma_decode(uint8_t code);
uint8_t smx_pcmu_encode(int16_t sample);
uint8_t smx_pcma_encode(int16_t sample);

#endif
