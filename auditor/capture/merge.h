// Several capture files as one, in order of time: rotated files follow one another, overlapping ones interleave. A
// frame without a time goes right after the one before it in its file; ties go by the order of the files.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "auditor/capture/capture_file.h"

namespace airtight::audit {

class Merge {
 public:
  explicit Merge(std::vector<std::unique_ptr<CaptureFile>> files);
  ~Merge();
  // The next frame and the file that it is of; false at the end of all. frame.bytes is valid until the next call;
  // number and interface are those of its file.
  bool next(Frame& frame, std::size_t& file);
  CaptureFile& file(std::size_t index);
  std::size_t size() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace airtight::audit
