<?php
// How Moodle reads an uploaded grading worksheet, in our own words; tests/support/moodle_rules.py says the same in Python.
// Usage: php -n moodle_import.php FILE < STATE (JSON), which prints the marks and comments afterwards as JSON.

date_default_timezone_set('UTC');
$state = json_decode(stream_get_contents(STDIN), true);
$marks = [];
$comments = [];
foreach ($state['participants'] as $id => $known) {
    $marks[$id] = $known['mark'];
    $comments[$id] = $known['comment'];
}

function answer(array $content): never {
    echo json_encode($content, JSON_UNESCAPED_UNICODE);
    exit(0);
}

function number(string $text): ?float {
    $text = trim($text);
    return $text === '' ? null : floatval($text);
}

function stored(string $cell): string {
    return $cell !== '-' && $cell !== '' && strpos('=+-@', $cell[0]) !== false ? "'" . $cell : $cell;
}

$text = file_get_contents($argv[1]);
if (substr($text, 0, 3) === "\xEF\xBB\xBF") {
    $text = substr($text, 3);
}
$file = fopen('php://memory', 'w+');
fwrite($file, preg_replace('/\r\n?/', "\n", $text));
rewind($file);
$rows = [];
while (($row = fgetcsv($file, 0, ',', '"', '\\')) !== false) {
    if ($row !== [null]) {
        $rows[] = $row;
    }
}
$header = array_map('trim', array_shift($rows));
foreach ($rows as $row) {
    if (count($row) !== count($header)) {
        answer(['refused' => 'rows have different numbers of cells']);
    }
}
foreach (['Identifier', 'Grade', 'Last modified (grade)'] as $needed) {
    if (!in_array($needed, $header, true)) {
        answer(['refused' => 'no column ' . $needed]);
    }
}
[$grades, $texts] = [0, 0];
foreach ($rows as $row) {
    $cells = array_combine($header, array_map('stored', $row));
    $id = str_replace('Participant ', '', $cells['Identifier']);
    if (!isset($state['participants'][$id])) {
        continue;
    }
    $known = $state['participants'][$id];
    $time = strtotime($cells['Last modified (grade)']);
    if (!$state['ignores_times'] && $known['time'] > intval($time) + 60) {
        continue;
    }
    if ($known['is_locked']) {
        continue;
    }
    $mark = number($cells['Grade']);
    $is_given = $mark !== null && $mark >= 0 && $mark <= $state['maximum'] && ($mark || !$state['ignores_zero']);
    if ($is_given && $mark !== $known['mark']) {
        $marks[$id] = $mark;
        $grades++;
    }
    $column = array_search('Feedback comments', $header, true);
    if ($column && $cells['Feedback comments'] !== $known['comment']) {
        $comments[$id] = $cells['Feedback comments'];
        $texts++;
    }
}
answer(['marks' => $marks, 'comments' => $comments, 'grades' => $grades, 'texts' => $texts]);
