FROM scratch
ADD python.tar /
RUN ln -s /usr/bin/python3 /usr/local/bin/python
CMD ["python"]
