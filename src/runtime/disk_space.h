// Whether there is room for new work: asked of the store, which keeps a ballast for finished work.
// Cheap enough to be asked every second.
#pragma once

#include "core/inputs.h"

namespace muster::runtime {

class DiskSpaceSource {
 public:
  virtual ~DiskSpaceSource() = default;
  virtual SpaceState space() = 0;
};

}  // namespace muster::runtime
