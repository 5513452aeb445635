/* directory/work.h - how much proof of work uploads need, by how many there were.
 * Source: docs/protocol/60-directory.md, section 7, "Work".  Pure. */
#ifndef SMX_DIRECTORY_WORK_H
#define SMX_DIRECTORY_WORK_H

#include <stddef.h>
#include <stdint.h>

/* Bits above the network's claim_work_bits: 64 times the work.  At the preset of 18 a core then needs some
 * ten seconds for an upload, and a client, which works a little in each tick, a quarter of an hour. */
enum { SMX_WORK_RISE_MAX = 6 };

/* The bits for the next batch.  least: claim_work_bits;  now: what was asked until now;  uploads: those of
 * the interval that showed it;  busy (above 0): how many are nothing unusual.  Rises at once by what would
 * have kept uploads at or below busy, falls by one bit a batch while less than half of busy come. */
uint8_t smx_work_next(uint8_t least, uint8_t now, size_t uploads, size_t busy);

#endif
