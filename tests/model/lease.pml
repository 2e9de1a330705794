/* The lease between one server and two workers, for spin: one task, messages that get lost, doubled and late, and crashes.
 * Must hold: never two copies at once, never two results, and the result taken is that of the current attempt and its owner.
 *
 * What is modelled. An agent says what it has (`sync`); the server answers what it should have (`answer`), with the time at
 * which the sync was sent. The agent counts the lease from that sending, less a margin; the server counts from receiving.
 * The keeper is the parent of the task: it holds the deadline and the record of the end, and both outlive the agent.
 * The number of the attempt, its owner and the state of the task are durable at the server; the leases are not: a server
 * that starts again gives every worker a full one. An answer belongs to a session, so it dies with the agent it was for.
 * Time is a small number; it cannot pass a deadline that a keeper is able to keep.
 *
 * Sizes: LEASE, MARGIN, END (of time), ATTEMPTS. Faults: AGENT_CRASH, SERVER_CRASH, FREEZE (a whole worker stands still).
 * Mistakes, each of which must be found: NO_EPOCH, RECV_TIME, MARGIN=0, NO_START_CHECK, NO_FENCE, FENCE_IN_AGENT.
 * OVERLAP_ALLOWED drops the first promise; WITNESS claims that nothing ever succeeds on a second attempt, which is false. */

#define DEADLINE(sent) ((sent) + LEASE - MARGIN)

#ifdef NO_EPOCH
#define CURRENT(worker, number) (task == running || task == ready)
#else
#define CURRENT(worker, number) (task == running && (number) == attempt && (worker) == owner)
#endif
#ifdef RECV_TIME
#define COUNTED_FROM(sent) now
#else
#define COUNTED_FROM(sent) (sent)
#endif
#ifdef NO_START_CHECK
#define MAY_START(sent) true
#else
#define MAY_START(sent) (now < DEADLINE(sent))
#endif
#ifdef FENCE_IN_AGENT
#define CAN_FENCE(w) agent_up[w]
#else
#define CAN_FENCE(w) true
#endif
#ifdef NO_FENCE
#define DUE(w) false
#else
#define DUE(w) (phase[w] == alive && !frozen[w] && now >= deadline[w] && CAN_FENCE(w))
#endif

#define NOBODY 2

mtype:state = { ready, running, succeeded, failed };
mtype:phase = { nothing, alive, ended, killed };  /* at the keeper: the last two are records of an end */
mtype:order = { grant, keep, stop, forget };

/* Durable at the server. */
mtype:state task = ready;
byte attempt, owner = NOBODY, results;
/* In the server's memory: until when each worker may be running something. */
byte lease_until[2];

/* At each worker; `newest` is the agent's memory, the rest is the keeper's. */
mtype:phase phase[2] = nothing;
byte held[2], deadline[2], newest[2];
bool agent_up[2] = true, frozen[2];

byte now, starts;
bool server_crashed, agent_crashed[2], froze[2];

chan syncs = [2] of { byte, byte, byte, mtype:phase };      /* worker, when sent, attempt held, its phase */
chan answers0 = [1] of { mtype:order, byte, byte };         /* order, attempt, when the sync was sent */
chan answers1 = [1] of { mtype:order, byte, byte };

inline promises() {
#ifndef OVERLAP_ALLOWED
  assert(!(phase[0] == alive && phase[1] == alive));  /* one copy at a time */
#endif
  assert(results <= 1);
#if ATTEMPTS == 1
  assert(starts <= 1);                                /* at most once */
#endif
}

/* Sent, or lost on the way. */
#define ANSWER(w, what, number, sent) \
  if \
  :: w == 0 && nfull(answers0) -> answers0!what, number, sent \
  :: w == 1 && nfull(answers1) -> answers1!what, number, sent \
  :: true \
  fi

#define GIVE_UP if :: attempt < ATTEMPTS -> task = ready :: else -> task = failed fi

inline take_end(w, number, how) {
  if
  :: how == ended && CURRENT(w, number) ->
    assert(task == running && number == attempt && w == owner);  /* the result is the current one's */
    task = succeeded; results++; promises();
#ifdef WITNESS
    assert(attempt < 2);                                         /* false: shows that the model gets there */
#endif
  :: how == killed && task == running && number == attempt && w == owner -> GIVE_UP  /* a record of its death is proof */
  :: else
  fi
}

active proctype Server() {
  byte w, number, sent;
  mtype:phase how = nothing;
  do
  :: d_step { task == running && now >= lease_until[owner] -> GIVE_UP }
#ifdef SERVER_CRASH
  :: atomic { !server_crashed -> server_crashed = true; lease_until[0] = now + LEASE; lease_until[1] = now + LEASE }
#endif
  :: atomic {
      syncs?w, sent, number, how ->
      lease_until[w] = now + LEASE;
      if
      :: how == ended || how == killed -> take_end(w, number, how); ANSWER(w, forget, number, sent)
      :: how == alive && task == running && number == attempt && w == owner -> ANSWER(w, keep, number, sent)
      :: how == alive && !(task == running && number == attempt && w == owner) -> ANSWER(w, stop, number, sent)
      :: how == nothing && task == ready ->
        attempt++; owner = w; task = running; ANSWER(w, grant, attempt, sent)
      :: how == nothing && task == running && owner == w -> ANSWER(w, grant, attempt, sent)  /* it got lost */
      :: how == nothing && !(task == ready || (task == running && owner == w))  /* nothing to say */
      fi;
      w = 0; number = 0; sent = 0; how = nothing
    }
  od
}

#define AWAKE(w) (agent_up[w] && !frozen[w])

proctype Worker(byte w; chan answers) {
  mtype:order what = keep;
  byte number, sent;
  do
  :: atomic { AWAKE(w) && nfull(syncs) && now < END -> syncs!w, now, held[w], phase[w] }
  :: atomic {
      AWAKE(w) && nempty(answers) -> answers?what, number, sent;
      if
      :: what == grant && number > newest[w] && phase[w] == nothing && MAY_START(sent) ->
        newest[w] = number; held[w] = number; deadline[w] = DEADLINE(COUNTED_FROM(sent));
        phase[w] = alive; starts++; promises()
      :: what == keep && phase[w] == alive && DEADLINE(COUNTED_FROM(sent)) > deadline[w] ->
        deadline[w] = DEADLINE(COUNTED_FROM(sent))
      :: what == stop && phase[w] == alive && number == held[w] -> phase[w] = nothing; held[w] = 0; deadline[w] = 0
      :: what == forget && (phase[w] == ended || phase[w] == killed) && number == held[w] ->
        phase[w] = nothing; held[w] = 0
      :: else
      fi;
      what = keep; number = 0; sent = 0
    }
  :: atomic { phase[w] == alive && !frozen[w] -> phase[w] = ended; deadline[w] = 0 }
#ifndef NO_FENCE
  :: atomic { DUE(w) -> phase[w] = killed; deadline[w] = 0 }
#endif
#ifdef AGENT_CRASH
  :: atomic {
      agent_up[w] && !agent_crashed[w] && w < AGENT_CRASH -> agent_crashed[w] = true; agent_up[w] = false; newest[w] = 0;
      do :: nempty(answers) -> answers?_, _, _ :: empty(answers) -> break od
    }
  :: atomic { !agent_up[w] -> agent_up[w] = true; newest[w] = held[w] }  /* from the keeper's inventory */
#endif
#ifdef FREEZE
  :: atomic { !froze[w] && w < FREEZE -> froze[w] = true; frozen[w] = true }
  :: atomic { frozen[w] -> frozen[w] = false }
#endif
  od
}

active proctype Clock() {
  do
  :: d_step { now < END && !DUE(0) && !DUE(1) -> now++ }
  :: now >= END -> break
  od
}

/* Once, a sync arrives twice. */
active proctype Doubler() {
  byte w, sent, number;
  mtype:phase how = nothing;
  atomic { len(syncs) == 1 -> syncs?<w, sent, number, how>; syncs!w, sent, number, how; w = 0; sent = 0; number = 0; how = nothing }
}

init { atomic { run Worker(0, answers0); run Worker(1, answers1) } }
