# Compiler and linker flags of everything that is ours, and the helpers that make builds quick (ccache, mold, one header).
# Must hold: warnings are errors in our code only; every flag works in a static position-independent program.
set(CMAKE_CXX_STANDARD 23)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

set(MUSTER_SANITIZE "" CACHE STRING "for -fsanitize=, empty for none")
set(MUSTER_LIBFUZZER OFF CACHE BOOL "fuzz targets run by libFuzzer instead of tests/fuzz/driver.cpp")
set(MUSTER_ROOMS "" CACHE STRING "build only these rooms; empty for all")

# Release keeps line tables (-g1), so that gdb and a core file name the place; variables are what Debug is for.
set(CMAKE_CXX_FLAGS_RELEASE "-O2 -g1 -DNDEBUG")
set(CMAKE_C_FLAGS_RELEASE "-O2 -g1 -DNDEBUG")
set(CMAKE_CXX_FLAGS_RELWITHDEBINFO "-O1 -g")
set(CMAKE_C_FLAGS_RELWITHDEBINFO "-O1 -g")

# Checks of the standard library are always on: an out-of-range index stops the process before it writes a wrong state.
add_compile_options(-fPIE -fstack-protector-strong -fstack-clash-protection -fcf-protection
                    -ftrivial-auto-var-init=zero -fno-semantic-interposition)
add_compile_definitions(_GLIBCXX_ASSERTIONS SPDLOG_FMT_EXTERNAL FMT_HEADER_ONLY TOML_HEADER_ONLY=1)
if(NOT MUSTER_SANITIZE)
  # The sanitizers see what the fortified calls hide, so the two are never on together.
  add_compile_options($<$<NOT:$<CONFIG:Debug>>:-U_FORTIFY_SOURCE> $<$<NOT:$<CONFIG:Debug>>:-D_FORTIFY_SOURCE=3>)
endif()
add_link_options(-Wl,-z,relro,-z,now,-z,noexecstack)
include_directories(${CMAKE_SOURCE_DIR}/src)

# Objects name files relative to the checkout: two checkouts give the same objects, and no machine path gets into a binary.
# The second map is for ccache, which hands the compiler ../src/… when the build folder stands in the checkout.
add_compile_options(-ffile-prefix-map=${CMAKE_SOURCE_DIR}/= -ffile-prefix-map=../=)

if(MUSTER_SANITIZE)
  add_compile_options(-fsanitize=${MUSTER_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${MUSTER_SANITIZE})
endif()

add_library(muster_warnings INTERFACE)
target_compile_options(muster_warnings INTERFACE -Wall -Wextra -Wconversion -Wshadow -Werror)
if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  # Warnings are gcc's here, and clang-tidy's.
  target_compile_options(muster_warnings INTERFACE -w)
elseif(MUSTER_SANITIZE)
  # Instrumented code makes gcc 12 see uninitialised reads that are not there.
  target_compile_options(muster_warnings INTERFACE -Wno-maybe-uninitialized)
endif()

find_program(MUSTER_CCACHE ccache)
if(MUSTER_CCACHE)
  # The sloppiness is what ccache needs to trust a precompiled header; base_dir lets build folders share one cache.
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env
      CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime
      CCACHE_BASEDIR=${CMAKE_SOURCE_DIR} CCACHE_NOHASHDIR=1 ${MUSTER_CCACHE})
endif()

find_program(MUSTER_MOLD mold)
if(MUSTER_MOLD)
  add_link_options(-fuse-ld=mold)
endif()

# Linking needs little CPU but much memory; two at a time is enough for two cores.
set_property(GLOBAL PROPERTY JOB_POOLS link=2)
set(CMAKE_JOB_POOL_LINK link)
