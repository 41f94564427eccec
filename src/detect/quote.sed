# Lines of a text as C strings.
s/[\\"]/\\&/g
s/.*/"&\\n"/
