#include "auditor/capture/capture_reader.h"

#include <algorithm>

namespace airtight::audit {

std::string_view to_string(CaptureProblem::Kind kind) {
  switch (kind) {
    case CaptureProblem::Kind::CutShort:
      return "cut short";
    case CaptureProblem::Kind::Damaged:
      return "damaged";
    case CaptureProblem::Kind::LostSection:
      return "lost section";
    case CaptureProblem::Kind::Compression:
      return "compression";
    case CaptureProblem::Kind::Dropped:
      return "dropped";
    case CaptureProblem::Kind::OddRecord:
      return "odd record";
  }
  return "damaged";
}

const std::uint8_t* CaptureReader::refill(std::size_t count) {
  source_->consume(at_);
  base_ += at_;
  at_ = 0;
  view_ = source_->peek(count);
  return view_.size() >= count ? view_.data() : nullptr;
}

std::uint64_t CaptureReader::skip(std::uint64_t count) {
  std::uint64_t skipped = 0;
  while (skipped < count && need(1) != nullptr) {
    const auto step = static_cast<std::size_t>(std::min<std::uint64_t>(left(), count - skipped));
    advance(step);
    skipped += step;
  }
  return skipped;
}

void CaptureReader::ended(std::string_view unit, std::uint64_t into) {
  const auto broken = source_->problem();
  if (into == 0 && !broken) return finish();
  const std::uint64_t end = base_ + view_.size();
  std::string what = broken ? *broken : "the file ends";
  if (into == 0) {
    what += " before " + std::string(unit);
  } else {
    what +=
        (broken ? ", " : " ") + std::to_string(into) + (into == 1 ? " byte into " : " bytes into ") + std::string(unit);
  }
  what += ", at offset " + std::to_string(end);
  stop(broken ? CaptureProblem::Kind::Compression : CaptureProblem::Kind::CutShort, std::move(what), end);
}

void CaptureReader::stop(CaptureProblem::Kind kind, std::string what, std::uint64_t at) {
  finish();
  problems_.push_back({kind, std::move(what), at, number_});
}

void CaptureReader::finish() {
  at_end();
  done_ = true;
  if (left_out_ > 0) problems_[kMaxNotes].what = std::to_string(left_out_) + " more problems, not listed";
}

void CaptureReader::note(CaptureProblem::Kind kind, std::string what, std::uint64_t at) {
  if (!room_for_problem()) return leave_out(kind);
  problems_.push_back({kind, std::move(what), at, number_});
}

void CaptureReader::leave_out(CaptureProblem::Kind kind) {
  if (left_out_++ == 0) problems_.push_back({kind, "more problems, not listed", offset(), number_});
}

void CaptureReader::odd(std::string_view what) {
  if (!room_for_problem()) return leave_out(CaptureProblem::Kind::OddRecord);
  problems_.push_back({CaptureProblem::Kind::OddRecord, "packet " + std::to_string(number_) + " " + std::string(what),
                       offset(), number_ == 0 ? 0 : number_ - 1});
}

void CaptureReader::odd_lengths(const Frame& frame, std::uint32_t snap_length) {
  if (!room_for_problem()) return leave_out(CaptureProblem::Kind::OddRecord);
  const std::string captured = "has " + std::to_string(frame.bytes.size()) + " captured bytes";
  if (frame.bytes.size() > frame.original) {
    odd(captured + " of " + std::to_string(frame.original) + " on the wire");
  } else {
    odd(captured + " where the snap length is " + std::to_string(snap_length));
  }
}

std::string CaptureReader::compressed() const {
  const auto name = source_->compression();
  return name.empty() ? std::string{} : ", " + std::string(name);
}

}  // namespace airtight::audit
