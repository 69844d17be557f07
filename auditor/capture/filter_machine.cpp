// Classic BPF as the kernel runs it on a packet socket: a load beyond the frame, and whatever else cannot be done, ends
// with 0.
#include <linux/filter.h>

#include <array>

#include "auditor/capture/boundary_filter.h"

namespace airtight::audit {
namespace {

constexpr std::uint32_t kOutgoing = 4;  // PACKET_OUTGOING

class Machine {
 public:
  explicit Machine(const FilterInput& input) : input_(input) {}

  std::uint32_t run(const FilterProgram& program) {
    for (std::size_t at = 0; at < program.size();) {
      const FilterInstruction& now = program[at++];
      switch (BPF_CLASS(now.code)) {
        case BPF_LD:
          if (!load(now)) return 0;
          break;
        case BPF_LDX:
          if (!load_index(now)) return 0;
          break;
        case BPF_ST:
          if (now.k >= memory_.size()) return 0;
          memory_[now.k] = accumulator_;
          break;
        case BPF_STX:
          if (now.k >= memory_.size()) return 0;
          memory_[now.k] = index_;
          break;
        case BPF_ALU:
          if (!compute(now)) return 0;
          break;
        case BPF_JMP: {
          const std::size_t by = BPF_OP(now.code) == BPF_JA ? now.k : holds(now) ? now.jt : now.jf;
          if (by > program.size() - at) return 0;
          at += by;
          break;
        }
        case BPF_RET:
          return BPF_RVAL(now.code) == BPF_A ? accumulator_ : now.k;
        case BPF_MISC:
          (BPF_MISCOP(now.code) == BPF_TXA ? accumulator_ : index_) =
              BPF_MISCOP(now.code) == BPF_TXA ? index_ : accumulator_;
          break;
      }
    }
    return 0;
  }

 private:
  bool read(std::uint64_t at, std::size_t size, std::uint32_t& value) const {
    if (at > input_.bytes.size() || size > input_.bytes.size() - at) return false;
    value = 0;
    for (std::size_t i = 0; i < size; ++i) value = value << 8 | input_.bytes[at + i];
    return true;
  }

  bool load(const FilterInstruction& now) {
    const std::size_t size = BPF_SIZE(now.code) == BPF_W ? 4 : BPF_SIZE(now.code) == BPF_H ? 2 : 1;
    switch (BPF_MODE(now.code)) {
      case BPF_ABS:
        if (now.k >= static_cast<std::uint32_t>(SKF_AD_OFF))
          return load_told(now.k - static_cast<std::uint32_t>(SKF_AD_OFF));
        return read(now.k, size, accumulator_);
      case BPF_IND:
        return read(std::uint64_t{index_} + now.k, size, accumulator_);
      case BPF_IMM:
        accumulator_ = now.k;
        return true;
      case BPF_LEN:
        accumulator_ = static_cast<std::uint32_t>(input_.bytes.size());
        return true;
      case BPF_MEM:
        return now.k < memory_.size() && (accumulator_ = memory_[now.k], true);
      default:
        return false;
    }
  }

  // What the kernel knows of the frame beside its bytes.
  bool load_told(std::uint32_t what) {
    switch (what) {
      case SKF_AD_PKTTYPE:
        accumulator_ = input_.outgoing ? kOutgoing : 0;
        return true;
      case SKF_AD_IFINDEX:
        accumulator_ = input_.interface;
        return true;
      case SKF_AD_HATYPE:
        accumulator_ = input_.hardware;
        return true;
      case SKF_AD_VLAN_TAG_PRESENT:
        accumulator_ = input_.vlan ? 1 : 0;
        return true;
      default:
        return false;
    }
  }

  bool load_index(const FilterInstruction& now) {
    switch (BPF_MODE(now.code)) {
      case BPF_IMM:
        index_ = now.k;
        return true;
      case BPF_LEN:
        index_ = static_cast<std::uint32_t>(input_.bytes.size());
        return true;
      case BPF_MEM:
        return now.k < memory_.size() && (index_ = memory_[now.k], true);
      case BPF_MSH: {
        std::uint32_t byte = 0;
        if (!read(now.k, 1, byte)) return false;
        index_ = (byte & 15) * 4;
        return true;
      }
      default:
        return false;
    }
  }

  std::uint32_t operand(const FilterInstruction& now) const { return BPF_SRC(now.code) == BPF_X ? index_ : now.k; }

  bool holds(const FilterInstruction& now) const {
    const std::uint32_t with = operand(now);
    switch (BPF_OP(now.code)) {
      case BPF_JEQ:
        return accumulator_ == with;
      case BPF_JGT:
        return accumulator_ > with;
      case BPF_JGE:
        return accumulator_ >= with;
      default:
        return (accumulator_ & with) != 0;  // BPF_JSET
    }
  }

  bool compute(const FilterInstruction& now) {
    const std::uint32_t with = operand(now);
    switch (BPF_OP(now.code)) {
      case BPF_ADD:
        accumulator_ += with;
        return true;
      case BPF_SUB:
        accumulator_ -= with;
        return true;
      case BPF_AND:
        accumulator_ &= with;
        return true;
      case BPF_OR:
        accumulator_ |= with;
        return true;
      case BPF_LSH:
        return with < 32 && (accumulator_ <<= with, true);
      case BPF_RSH:
        return with < 32 && (accumulator_ >>= with, true);
      default:
        return false;
    }
  }

  const FilterInput& input_;
  std::uint32_t accumulator_ = 0, index_ = 0;
  std::array<std::uint32_t, BPF_MEMWORDS> memory_{};
};

}  // namespace

std::uint32_t run_filter(const FilterProgram& program, const FilterInput& input) { return Machine(input).run(program); }

}  // namespace airtight::audit
