# frozen_string_literal: true

# What Canvas would do with the CSV file ARGV[0] in the course that standard input describes as JSON:
# {"students": {"12345": "Doe, Jane"}, "assignments": {"4567": "Lab 4"}}.
# Prints {"marks": {id: text}, "new_students": [name], "new_assignments": [title], "maxima": {title: text}} or
# {"error": sentence}. These are the rules of Canvas's importer in other words; canvas_rules.py has the same in Python.
# With a second argument, the file is one of rubric assessments: prints {"assessed": {id: {criterion: [points, text]}}}.

require 'csv'
require 'json'

def period(cell)
  return cell unless cell.is_a?(String) && cell.match?(/^-?[0-9.,]+%?$/)

  *whole, last = cell.split(/[,.]/)
  whole.empty? ? last : "#{whole.join}.#{last}"
end

def cells_with(lines, separator)
  counts = lines.map { |line| CSV.parse_line(line, col_sep: separator)&.size || 0 }
  counts.uniq.size == 1 ? counts.first : 0
rescue CSV::MalformedCSVError
  0
end

def rows_of(path)
  lines = File.foreach(path).first(3)
  separator = cells_with(lines, ';') > cells_with(lines, ',') ? ';' : ','
  CSV.foreach(path, col_sep: separator, skip_lines: /^[;, ]+$/).map { |row| row.map { |cell| period(cell) } }
end

# The number of columns about the student, or nil if the first row is not that of a gradebook.
def student_columns(header)
  single = header.size > 3 && header[0].to_s.include?('Student') && header[1].to_s.include?('ID')
  double = header.size > 4 && header[0].to_s.include?('LastName') && header[1].to_s.include?('FirstName') &&
           header[2].to_s.include?('ID')
  return unless single || double

  columns = header[0] == 'LastName' && header[1] == 'FirstName' ? 4 : 3
  after = columns - 1
  if header[after].to_s.match?(/SIS\s+Login\s+ID/)
    columns += 1
  elsif header[after].to_s.match?(/SIS\s+User\s+ID/) && header[after + 1].to_s.match?(/SIS\s+Login\s+ID/)
    columns += 2
    columns += 1 if header[after + 2].to_s.match?(/Integration\s+ID/)
    columns += 1 if header[columns - 1].to_s.match?(/Root\s+Account/)
  end
  columns if header[columns - 1].to_s.include?('Section')
end

def gradebook(path, course)
  header, *rows = rows_of(path)
  columns = header && student_columns(header)
  return { error: 'Invalid header row' } unless columns

  computed = /(Current|Final) (Score|Points|Grade)|Override (Score|Grade|Status)/
  titles = header.drop(columns).grep_v(computed)
  known = titles.to_h do |title|
    [title, course['assignments'].find { |id, name| title == "#{name} (#{id})" || title == name }&.first]
  end
  seen = { marks: {}, new_students: [], new_assignments: titles.reject { |title| known[title] }, maxima: {} }
  rows.each { |row| read_row(row, header, known, course, seen) }
  seen
end

def read_row(row, header, known, course, seen)
  if row[0]&.include?('Points Possible')
    known.each_key { |title| row[header.index(title)]&.then { |points| seen[:maxima][title] = points } }
    return
  end
  return if row.compact.all? { |cell| cell =~ /^\s*(Muted|Manual Posting.*)?\s*$/i }

  double = header[0] == 'LastName'
  id = row[double ? 2 : 1].to_s
  name = double ? "#{row[0]}, #{row[1]}" : row[0]
  id = course['students'].key(name) unless course['students'].key?(id)
  return seen[:new_students] << name unless id

  known.each { |title, assignment| seen[:marks][id] = row[header.index(title)].to_s.strip if assignment }
end

def assessments(path)
  CSV.foreach(path, col_sep: ',', headers: true).to_h do |row|
    columns = row.headers.each_with_index.map { |title, at| [*title.to_s.rpartition(' - '), at] }
    criteria = columns.reject { |name, *| name.empty? }.group_by(&:first).transform_values do |found|
      at = found.to_h { |_, _, kind, index| [kind, index] }
      [at['Points'] && row[at['Points']], at['Comments'] && row[at['Comments']]]
    end
    [row['Student Id'].to_s, criteria]
  end
end

course = JSON.parse($stdin.read)
puts JSON.generate(ARGV[1] ? { assessed: assessments(ARGV[0]) } : gradebook(ARGV[0], course))
