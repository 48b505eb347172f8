/* SPDX-License-Identifier: Apache-2.0 */
/* The version of the product, from configure.ac. */
#ifndef ECAPTURE_CORE_VERSION_H
#define ECAPTURE_CORE_VERSION_H

#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#define ECAP_VERSION PACKAGE_VERSION

#endif
