/* sim/tool/swarm.h - `sipmix-sim swarm`: many seeds of sim/swarm.h, each in a process of its own, so that one
 * that breaks an assertion, or never ends, is a failure like others.  Manual: docs/simulate/swarm.md. */
#ifndef SMX_SIM_TOOL_SWARM_H
#define SMX_SIM_TOOL_SWARM_H

/* argv[0] is "swarm".  The program's exit status: 0, 1: a seed failed, 2: usage, 130: interrupted. */
int swarm_command(int argc, char **argv);

#endif
