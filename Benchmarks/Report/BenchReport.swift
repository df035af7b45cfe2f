/// What a run of the bench found: rows of figures, the candidates beside one another, and curves.
///
/// All of it was measured in one run on one machine, candidates in turns: only ratios within it say anything.
public struct BenchReport: Codable, Sendable {
    /// What was measured, as a heading: `engine`, `imap`.
    public var title: String
    public var machine: Machine
    /// What the run was asked for, by name: seed, repetitions, message counts.
    public var settings: [String: String]
    /// In the order of the columns; the first is the one whose distance to the others is shown.
    public var candidates: [Candidate]
    public var rows: [Row]
    public var curves: [Curve]

    public init(title: String, machine: Machine, settings: [String: String], candidates: [Candidate]) {
        self.title = title
        self.machine = machine
        self.settings = settings
        self.candidates = candidates
        rows = []
        curves = []
    }

    public struct Machine: Codable, Sendable {
        public var processor: String
        public var cores: Int
        /// Bytes.
        public var memory: Int
        public var system: String
        /// ISO 8601, of the run's start.
        public var date: String

        public init(processor: String, cores: Int, memory: Int, system: String, date: String) {
            self.processor = processor
            self.cores = cores
            self.memory = memory
            self.system = system
            self.date = date
        }
    }

    /// Something that is measured: an engine, a server.
    public struct Candidate: Codable, Sendable {
        public var name: String
        public var version: String
        /// How it is set up, in a line.
        public var setup: String

        public init(name: String, version: String, setup: String) {
            self.name = name
            self.version = version
            self.setup = setup
        }
    }

    public struct Row: Codable, Sendable {
        /// Stable, for whoever reads the JSON: `append-1`.
        public var id: String
        public var title: String
        public var unit: Unit
        /// By the candidate's name; one that cannot do it has none.
        public var figures: [String: Figure]
        /// The machine's limit for this row, in its unit, and how it was come by.
        public var limit: Double?
        public var limitNote: String?
        /// What is wanted of the first candidate here.
        public var goals: [Goal]
        /// How it was done, where the title does not say it.
        public var note: String?

        public init(id: String, title: String, unit: Unit) {
            self.id = id
            self.title = title
            self.unit = unit
            figures = [:]
            goals = []
        }
    }

    /// A ratio that is wanted within one run.
    public struct Goal: Codable, Sendable {
        /// In words: `≥ 5 × LMDB`.
        public var text: String
        /// Nothing where this run has not what it takes to tell.
        public var isMet: Bool?
        /// The ratio that was seen, as the words have it.
        public var ratio: Double?

        public init(text: String, isMet: Bool?, ratio: Double?) {
            self.text = text
            self.isMet = isMet
            self.ratio = ratio
        }
    }

    /// What is measured, and which end of it is good.
    public enum Unit: String, Codable, Sendable {
        /// Time, in seconds: less is better.
        case seconds
        /// Things done in a second: more is better.
        case perSecond
        /// Less is better.
        case bytes

        public var isLessBetter: Bool { self != .perSecond }
    }
}
