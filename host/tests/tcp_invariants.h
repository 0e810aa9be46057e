/* SPDX-License-Identifier: Apache-2.0 */
/* What is true of an engine between any two of its steps, whatever its clients send. */
#ifndef TCP_INVARIANTS_H
#define TCP_INVARIANTS_H

#include "engine.h"

/* Ends the process, and says what is not true, of which flow or cohort. */
void check_engine(const struct hg_engine *engine);

#endif
