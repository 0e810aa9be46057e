/* SPDX-License-Identifier: Apache-2.0 */
/* The requests about contents and flows. */
#ifndef HG_SERVICE_TCP_H
#define HG_SERVICE_TCP_H

#include "service.h"

/* -ENOSYS: it is none of those; -ENOTSUP: this service has no engine. */
int hg_service_tcp(struct hg_service *service, char *error);

#endif
