# SPDX-License-Identifier: Apache-2.0
# serial 1

# ECAPTURE_MODULE([LOWEST-ABI = 1.0])
#
# For a capture module of ecapture that is built by autoconf and automake. Finds the SDK, libbpf, clang
# and bpftool; an error says what is missing. Sets, for Makefile.am:
#
#   ecapturemoduledir    where modules are installed: ecapturemodule_LTLIBRARIES = mymodule.la
#   ECAPTURE_CFLAGS      for mymodule_la_CFLAGS
#   ECAPTURE_LDFLAGS     for mymodule_la_LDFLAGS
#   ECAPTURE_LIBS        for mymodule_la_LIBADD
#   @ecapture_bpf_mk@    on a line of its own: $(ecap_bpf_build), which builds a BPF object
#
# and Makefile.am has the rules:
#
#   mymodule.storage.o mymodule.noncore.o: mymodule.%.o: mymodule.bpf.c
#   	$(ecap_bpf_build)
#   $(mymodule_la_OBJECTS): mymodule.storage.o mymodule.noncore.o
#
# ecapturemoduledir is where ecapture looks, whatever --prefix says; for make distcheck:
#
#   AM_DISTCHECK_CONFIGURE_FLAGS = --with-ecapturemoduledir='$${libdir}/ecapture'
AC_DEFUN([ECAPTURE_MODULE], [
	AC_REQUIRE([AC_PROG_CC])
	AC_REQUIRE([AC_CANONICAL_HOST])
	AC_REQUIRE([PKG_PROG_PKG_CONFIG])
	AS_CASE([$host_cpu], [x86_64|aarch64], [],
		[AC_MSG_ERROR([$host_cpu: ecapture knows x86_64 and aarch64 only])])
	PKG_CHECK_MODULES([ECAPTURE_SDK], [ecapture-sdk >= m4_default([$1], [1.0])])
	PKG_CHECK_MODULES([ECAPTURE_LIBBPF], [libbpf])
	AC_ARG_VAR([CLANG], [path of clang, which compiles BPF programs])
	AC_PATH_PROG([CLANG], [clang])
	AS_IF([test -z "$CLANG"], [AC_MSG_ERROR([clang not found: it compiles BPF programs])])
	AC_ARG_VAR([BPFTOOL], [path of bpftool])
	AC_PATH_PROG([BPFTOOL], [bpftool], [], [$PATH:/usr/sbin:/sbin])
	AS_IF([test -z "$BPFTOOL"], [AC_MSG_ERROR([bpftool not found])])

	AC_ARG_WITH([ecapturemoduledir],
		[AS_HELP_STRING([--with-ecapturemoduledir=DIR], [where the module is installed])],
		[AC_SUBST([ecapturemoduledir], [$withval])],
		[PKG_CHECK_VAR([ecapturemoduledir], [ecapture-sdk], [moduledir])])
	PKG_CHECK_VAR([ecapture_includedir], [ecapture-sdk], [includedir])
	PKG_CHECK_VAR([ecapture_mk], [ecapture-sdk], [mk])
	ecapture_bpf_mk=$(dirname "$ecapture_mk")/bpf.mk
	AC_SUBST_FILE([ecapture_bpf_mk])
	m4_ifdef([_AM_SUBST_NOTMAKE], [_AM_SUBST_NOTMAKE([ecapture_bpf_mk])])

	AC_SUBST([ECAP_CPU], [$host_cpu])
	AC_SUBST([ECAP_MULTIARCH], [$($CC -print-multiarch 2>/dev/null)])
	AC_SUBST([ECAP_BPF_CPPFLAGS], ["$ECAPTURE_SDK_CFLAGS $ECAPTURE_LIBBPF_CFLAGS dnl
-ffile-prefix-map=$ecapture_includedir/ecapture/=ecapture/ dnl
-ffile-prefix-map=\$(srcdir)/= -ffile-prefix-map=./="])
	AC_SUBST([ECAPTURE_CFLAGS], ["-std=gnu11 -fvisibility=hidden -pthread -Wa,-I. dnl
$ECAPTURE_SDK_CFLAGS $ECAPTURE_LIBBPF_CFLAGS"])
	AC_SUBST([ECAPTURE_LDFLAGS], ["-module -avoid-version -shared -pthread -Wl,-z,defs -Wl,-z,relro dnl
-Wl,-z,now -Wl,-z,noexecstack"])
	AC_SUBST([ECAPTURE_LIBS], [$ECAPTURE_LIBBPF_LIBS])
])
